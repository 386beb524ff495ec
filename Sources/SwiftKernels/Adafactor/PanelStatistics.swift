import KernelInterface

/// The first read of the gradient, by panels of columns with every row: new C, and the sums for R and Σ u².
///
/// It takes some columns at a time, so that the second pass over their rows finds them in the cache. Both
/// passes go along rows: down a column, rows of a power-of-two length share a few lines of the first-level
/// cache.
enum PanelStatistics<G: TensorScalar, A: ArithmeticScalar> {
  /// Computes Cⱼ ← β Cⱼ + (1−β)(Σᵢ g²ᵢⱼ / n + ε) for the columns of the panel, then adds Σⱼ g²ᵢⱼ to `sums`ᵢ
  /// and Σⱼ g²ᵢⱼ / Cⱼ to `weightedSums`ᵢ. Returns Σⱼ 1 / Cⱼ, or NaN if a Cⱼ is not finite.
  static func accumulate(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements,
    sums: UnsafeMutablePointer<Double>, weightedSums: UnsafeMutablePointer<Double>
  ) -> Double {
    if gradient.rows == 1 {
      let row = PanelRow<G, A>(gradient, average: average, old: old, new: new).accumulate()
      sums[0] += row.sum
      weightedSums[0] += row.weighted
      return row.inverses
    }
    var inverses = 0.0
    PanelColumns<G, A>.forEach(of: gradient, average: average, old: old, new: new) { panel, columns in
      inverses += panel.invert(columns)
      for row in 0..<gradient.rows {
        let base = panel.address(ofRow: row)
        var (sum, oddSum) = (SIMD8<A>(), SIMD8<A>())
        var (weighted, oddWeighted) = (SIMD8<A>(), SIMD8<A>())
        @inline(__always) func add(_ column: Int, _ valid: Int) {
          let g = panel.scale * G.load(base, column, valid, as: A.self)
          let square = g * g
          (sum, oddSum) = (oddSum, sum + square)
          let inverse = A.load(UnsafeRawPointer(panel.sums), column &- columns.lowerBound, valid, as: A.self)
          (weighted, oddWeighted) = (oddWeighted, weighted + square * inverse)
        }
        forEachVector(columns, add)
        sums[row] += Double((sum + oddSum).laneSum)
        weightedSums[row] += Double((weighted + oddWeighted).laneSum)
      }
    }
    return inverses
  }

  /// Computes only Cⱼ, with the same bits as `accumulate`.
  static func columnMoments(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements
  ) {
    if gradient.rows == 1 {
      PanelRow<G, A>(gradient, average: average, old: old, new: new).updateMoments()
    } else {
      PanelColumns<G, A>.forEach(of: gradient, average: average, old: old, new: new) { _, _ in }
    }
  }
}

/// A panel of one row: each square is the sum of its column, so one pass is enough.
private struct PanelRow<G: TensorScalar, A: ArithmeticScalar> {
  private let gradient: UnsafeRawPointer
  private let columns: Int
  private let scale: SIMD8<A>
  private let average: MovingAverage<A>
  private let old: UnsafeRawPointer
  private let new: UnsafeMutableRawPointer

  @inline(__always)
  init(_ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements) {
    self.gradient = gradient.elements.address
    columns = gradient.columns
    scale = SIMD8(repeating: A(gradient.scale))
    self.average = MovingAverage(average)
    self.old = UnsafeRawPointer(old.of(A.self))
    self.new = UnsafeMutableRawPointer(new.of(A.self))
  }

  /// Computes new C. Returns Σ g², Σ g² / C and Σ 1 / C, which is NaN if a moment is not finite.
  @inline(__always)
  func accumulate() -> (sum: Double, weighted: Double, inverses: Double) {
    let length = KernelLimits.elementsPerSum
    var (total, weightedTotal, inverseTotal) = (0.0, 0.0, 0.0)
    for start in stride(from: 0, to: columns, by: length) {
      var (sum, oddSum) = (SIMD8<A>(), SIMD8<A>())
      var (weighted, oddWeighted) = (SIMD8<A>(), SIMD8<A>())
      var (inverseSum, oddInverseSum) = (SIMD8<A>(), SIMD8<A>())
      @inline(__always) func add(_ column: Int, _ valid: Int) {
        let (square, moments) = update(column, valid)
        let inverse = inverses(of: moments, valid)
        (sum, oddSum) = (oddSum, sum + square)
        (weighted, oddWeighted) = (oddWeighted, weighted + square * inverse.values)
        (inverseSum, oddInverseSum) = (oddInverseSum, inverseSum + inverse.checked)
      }
      forEachVector(start..<min(start &+ length, columns), add)
      total += Double((sum + oddSum).laneSum)
      weightedTotal += Double((weighted + oddWeighted).laneSum)
      inverseTotal += Double((inverseSum + oddInverseSum).laneSum)
    }
    return (total, weightedTotal, inverseTotal)
  }

  /// Computes new C.
  @inline(__always)
  func updateMoments() {
    @inline(__always) func updateVector(_ column: Int, _ valid: Int) { _ = update(column, valid) }
    forEachVector(columns, updateVector)
  }

  @inline(__always)
  private func update(_ column: Int, _ valid: Int) -> (square: SIMD8<A>, moments: SIMD8<A>) {
    let g = scale * G.load(gradient, column, valid, as: A.self)
    let square = g * g
    let moments = average.updated(A.load(old, column, valid, as: A.self), sum: square)
    _ = A.store(moments, new, column, valid)
    return (square, moments)
  }
}

/// Some columns of a panel.
private struct PanelColumns<G: TensorScalar, A: ArithmeticScalar> {
  let gradient: GradientPiece
  let scale: SIMD8<A>
  let average: MovingAverage<A>
  let old: UnsafeRawPointer
  let new: UnsafeMutableRawPointer
  /// Memory for one number per column: Σ g², then 1 / C.
  let sums: UnsafeMutableRawPointer
  /// Memory for one number per column: the sums of a few rows.
  let partialSums: UnsafeMutableRawPointer

  /// The number of columns at a time. While their rows are read, the rows of the next columns are prefetched.
  private static var length: Int { KernelLimits.elementsPerSum }

  /// Calls `body` for some columns at a time, after their new C is complete.
  @inline(__always)
  static func forEach(
    of gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements,
    _ body: (_ panel: PanelColumns, _ columns: Range<Int>) -> Void
  ) {
    withUnsafeTemporaryAllocation(of: A.self, capacity: 2 * length) { memory in
      let panel = PanelColumns(
        gradient: gradient, scale: SIMD8(repeating: A(gradient.scale)), average: MovingAverage(average),
        old: UnsafeRawPointer(old.of(A.self)), new: UnsafeMutableRawPointer(new.of(A.self)),
        sums: UnsafeMutableRawPointer(memory.baseAddress!),
        partialSums: UnsafeMutableRawPointer(memory.baseAddress! + length))
      for start in stride(from: 0, to: gradient.columns, by: length) {
        let columns = start..<min(start &+ length, gradient.columns)
        panel.sumRows(columns)
        panel.updateMoments(columns)
        body(panel, columns)
      }
    }
  }

  @inline(__always)
  func address(ofRow row: Int) -> UnsafeRawPointer {
    gradient.elements.address + row &* gradient.stride &* MemoryLayout<G>.stride
  }

  /// Computes Σ g² of each column.
  private func sumRows(_ columns: Range<Int>) {
    let rowsPerSum = KernelLimits.rowsPerColumnSum
    clear(sums, columns.count)
    // A sum over many rows drifts, so groups of rowsPerColumnSum rows are summed separately.
    for first in stride(from: 0, to: gradient.rows, by: rowsPerSum) {
      clear(partialSums, columns.count)
      var row = first
      let end = min(first &+ rowsPerSum, gradient.rows)
      while row &+ 4 <= end {
        addFourRows(row, columns)
        row &+= 4
      }
      while row < end {
        addRow(row, columns)
        row &+= 1
      }
      forEachVector(columns.count) { offset, valid in
        A.add(A.load(UnsafeRawPointer(partialSums), offset, valid), to: sums, offset, valid)
      }
    }
  }

  private func clear(_ sums: UnsafeMutableRawPointer, _ count: Int) {
    sums.assumingMemoryBound(to: A.self).update(repeating: 0, count: count)
  }

  @inline(__always)
  private func addFourRows(_ row: Int, _ columns: Range<Int>) {
    let base = address(ofRow: row)
    let rowBytes = gradient.stride &* MemoryLayout<G>.stride
    @inline(__always) func addRows(_ column: Int, _ valid: Int) {
      let q01 = square(base, column, valid) + square(base + rowBytes, column, valid)
      let q23 = square(base + 2 &* rowBytes, column, valid) + square(base + 3 &* rowBytes, column, valid)
      A.add(q01 + q23, to: partialSums, column &- columns.lowerBound, valid)
    }
    @inline(__always) func prefetchAndAddRows(_ column: Int, _ valid: Int) {
      let next = base + (column &+ Self.length) &* MemoryLayout<G>.stride
      for row in 0..<4 { prefetch(next + row &* rowBytes) }
      addRows(column, valid)
    }
    if gradient.mayComeFromMemory {
      forEachVector(columns, prefetchAndAddRows)
    } else {
      forEachVector(columns, addRows)
    }
  }

  @inline(__always)
  private func addRow(_ row: Int, _ columns: Range<Int>) {
    let base = address(ofRow: row)
    @inline(__always) func addRow(_ column: Int, _ valid: Int) {
      A.add(square(base, column, valid), to: partialSums, column &- columns.lowerBound, valid)
    }
    forEachVector(columns, addRow)
  }

  @inline(__always)
  private func square(_ base: UnsafeRawPointer, _ column: Int, _ valid: Int) -> SIMD8<A> {
    let g = scale * G.load(base, column, valid, as: A.self)
    return g * g
  }

  /// Computes C of each column from the sums.
  private func updateMoments(_ columns: Range<Int>) {
    @inline(__always) func update(_ column: Int, _ valid: Int) {
      let next = (column &+ Self.length) &* MemoryLayout<A>.stride
      prefetch(old + next)
      prefetch(UnsafeRawPointer(new) + next)
      let sum = A.load(UnsafeRawPointer(sums), column &- columns.lowerBound, valid, as: A.self)
      _ = A.store(
        average.updated(A.load(old, column, valid, as: A.self), sum: sum), new, column, valid)
    }
    forEachVector(columns, update)
  }

  /// sums ← 1 / C. Returns Σ 1 / C, which is NaN if a moment is not finite.
  func invert(_ columns: Range<Int>) -> Double {
    var total = SIMD8<A>()
    @inline(__always) func invert(_ column: Int, _ valid: Int) {
      let inverse = inverses(of: A.load(UnsafeRawPointer(new), column, valid, as: A.self), valid)
      _ = A.store(inverse.values, sums, column &- columns.lowerBound, valid)
      total += inverse.checked
    }
    forEachVector(columns, invert)
    return Double(total.laneSum)
  }
}

/// Returns 1 / C, which is 0 in lanes after the last column, and the same with NaN for every C that is not
/// finite.
@inline(__always)
private func inverses<A: ArithmeticScalar>(
  of moments: SIMD8<A>, _ valid: Int
) -> (values: SIMD8<A>, checked: SIMD8<A>) {
  let values = 1 / (valid == laneCount ? moments : moments.replacingLanes(from: valid, with: .infinity))
  let checked = values + 0 * moments
  return (values, valid == laneCount ? checked : checked.replacingLanes(from: valid, with: 0))
}
