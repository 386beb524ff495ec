import Kernels

/// The first read of the gradient, by rows: new R, and what C and Σ u² are made of.
///
/// A row's R must be complete before its squares are divided by it. Four rows at a time are summed while the four
/// before them, which the cache still holds, are divided: so memory is read without a pause, and the column sums are
/// loaded and stored once for four rows.
struct RowStatistics<G: StoredScalar, A: Arithmetic> {
  private let gradient: GradientPiece
  private let scale: SIMD8<A>
  private let average: MovingAverage<A>
  private let old: UnsafePointer<A>
  private let new: UnsafeMutablePointer<A>
  /// Column sums of at most `rowsPerColumnSum` rows.
  private let sums: UnsafeMutableRawPointer
  private let weightedSums: UnsafeMutableRawPointer

  /// Σⱼ g² goes on in Double after so many elements: one vector of sums takes 32 terms in each lane.
  private static var elementsPerSum: Int { KernelLimits.elementsPerSum / 2 }

  private init(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements,
    sums: MutableElements, weightedSums: MutableElements
  ) {
    self.gradient = gradient
    scale = SIMD8(repeating: A(gradient.scale))
    self.average = MovingAverage(average)
    self.old = old.of(A.self)
    self.new = new.of(A.self)
    self.sums = UnsafeMutableRawPointer(sums.of(A.self))
    self.weightedSums = UnsafeMutableRawPointer(weightedSums.of(A.self))
  }

  /// Rᵢ ← β Rᵢ + (1−β)(Σⱼ g²ᵢⱼ / n + ε) for the rows of the piece; then adds Σᵢ g²ᵢⱼ and Σᵢ g²ᵢⱼ / Rᵢ to `sums`.
  static func accumulate(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements, sums: ColumnSums
  ) {
    let rows = RowStatistics(
      gradient, average: average, old: old, new: new, sums: sums.partial, weightedSums: sums.partialWeighted)
    let rowsPerSum = KernelLimits.rowsPerColumnSum
    var row = 0
    var summed = 0
    if gradient.rows >= 4 { rows.sumFour(0) }
    while row &+ 4 <= gradient.rows {
      if row &+ 8 <= gradient.rows {
        rows.divideFour(row, summingNext: true)
      } else {
        rows.divideFour(row, summingNext: false)
      }
      row &+= 4
      summed &+= 4
      if summed == rowsPerSum {
        sums.movePartialSums(A.self)
        summed = 0
      }
    }
    while row < gradient.rows {
      rows.sum(row)
      rows.divide(row)
      row &+= 1
    }
    sums.movePartialSums(A.self)
  }

  /// Rᵢ alone, with the bits that `accumulate` gives.
  static func rowMoments(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements
  ) {
    // Nothing is added to these sums.
    let rows = RowStatistics(gradient, average: average, old: old, new: new, sums: new, weightedSums: new)
    var row = 0
    while row &+ 4 <= gradient.rows {
      rows.sumFour(row)
      row &+= 4
    }
    while row < gradient.rows {
      rows.sum(row)
      row &+= 1
    }
  }

  // MARK: Rows

  /// Four vectors of squares, of eight columns in four rows from `base` on.
  @inline(__always)
  private func squares(
    _ base: UnsafeRawPointer, _ column: Int, _ valid: Int
  ) -> (SIMD8<A>, SIMD8<A>, SIMD8<A>, SIMD8<A>) {
    let rowBytes = gradient.stride &* MemoryLayout<G>.stride
    let g0 = scale * G.load(base, column, valid, as: A.self)
    let g1 = scale * G.load(base + rowBytes, column, valid, as: A.self)
    let g2 = scale * G.load(base + 2 &* rowBytes, column, valid, as: A.self)
    let g3 = scale * G.load(base + 3 &* rowBytes, column, valid, as: A.self)
    return (g0 * g0, g1 * g1, g2 * g2, g3 * g3)
  }

  @inline(__always)
  private func address(ofRow row: Int) -> UnsafeRawPointer {
    gradient.elements.address + row &* gradient.stride &* MemoryLayout<G>.stride
  }

  /// New R of four rows; on the way, `body` is called for every group of columns.
  ///
  /// The columns summed are two chunks ahead of those that `body` gets. Rows of a multiple of 4 KiB fall on the same
  /// lines of the first-level cache, where eight of them and the column sums would drive each other out.
  @inline(__always)
  private func sumFour(_ row: Int, _ body: (_ column: Int, _ valid: Int) -> Void = { _, _ in }) {
    let base = address(ofRow: row)
    // The four rows after these, read at the same pace but without gaps, and early enough to be there in time.
    let ahead = base + 4 &* gradient.stride &* MemoryLayout<G>.stride
    let chunks = (gradient.columns &+ Self.elementsPerSum &- 1) / Self.elementsPerSum
    var totals = SIMD4<Double>()
    for chunk in 0..<chunks {
      let columns = self.columns(ofChunk: chunk)
      let summed = self.columns(ofChunk: (chunk &+ 2) % chunks)
      var (sum0, sum1, sum2, sum3) = (SIMD8<A>(), SIMD8<A>(), SIMD8<A>(), SIMD8<A>())
      @inline(__always) func add(_ offset: Int, _ valid: Int) {
        let column = summed.lowerBound &+ offset
        prefetchFour(ahead + 4 &* column &* MemoryLayout<G>.stride)
        let (q0, q1, q2, q3) = squares(base, column, valid)
        sum0 += q0
        sum1 += q1
        sum2 += q2
        sum3 += q3
      }
      if columns.count == summed.count {
        forEachVector(columns.count) { offset, valid in
          body(columns.lowerBound &+ offset, valid)
          add(offset, valid)
        }
      } else {
        forEachVector(columns, body)
        forEachVector(summed.count, add)
      }
      totals += inDouble(laneSums(sum0, sum1, sum2, sum3))
    }
    let moments = UnsafeRawPointer(old + row).loadUnaligned(as: SIMD4<A>.self)
    UnsafeMutableRawPointer(new + row).storeBytes(
      of: average.updated(moments, sum: totals), as: SIMD4<A>.self)
  }

  /// The columns whose squares are added up in the arithmetic type.
  @inline(__always)
  private func columns(ofChunk chunk: Int) -> Range<Int> {
    let start = chunk &* Self.elementsPerSum
    return start..<min(start &+ Self.elementsPerSum, gradient.columns)
  }

  /// Asks for four vectors of the gradient.
  @inline(__always)
  private func prefetchFour(_ address: UnsafeRawPointer) {
    for line in stride(from: 0, to: 4 &* laneCount &* MemoryLayout<G>.stride, by: 64) {
      prefetch(address + line)
    }
  }

  /// New R of one row.
  private func sum(_ row: Int) {
    let base = address(ofRow: row)
    var total = 0.0
    var start = 0
    while start < gradient.columns {
      let end = min(start &+ Self.elementsPerSum, gradient.columns)
      var sum = SIMD8<A>()
      @inline(__always) func add(_ offset: Int, _ valid: Int) {
        let g = scale * G.load(base, start &+ offset, valid, as: A.self)
        sum += g * g
      }
      forEachVector(end &- start, add)
      total += Double(sum.laneSum)
      start = end
    }
    new[row] = average.updated(old[row], sum: total)
  }

  // MARK: Columns

  /// Adds the squares of four rows, and those divided by R, to the column sums; on the way, new R of the next four.
  @inline(__always)
  private func divideFour(_ row: Int, summingNext: Bool) {
    let base = address(ofRow: row)
    let inverses = 1 / UnsafeRawPointer(new + row).loadUnaligned(as: SIMD4<A>.self)
    let inverse0 = SIMD8<A>(repeating: inverses.x)
    let inverse1 = SIMD8<A>(repeating: inverses.y)
    let inverse2 = SIMD8<A>(repeating: inverses.z)
    let inverse3 = SIMD8<A>(repeating: inverses.w)
    @inline(__always) func divide(_ column: Int, _ valid: Int) {
      let (q0, q1, q2, q3) = squares(base, column, valid)
      A.add((q0 + q1) + (q2 + q3), to: sums, column, valid)
      A.add(
        (q0 * inverse0 + q1 * inverse1) + (q2 * inverse2 + q3 * inverse3), to: weightedSums, column, valid)
    }
    if summingNext {
      sumFour(row &+ 4, divide)
    } else {
      forEachVector(gradient.columns, divide)
    }
  }

  /// Adds the squares of one row, and those divided by R, to the column sums.
  private func divide(_ row: Int) {
    let base = address(ofRow: row)
    let inverse = SIMD8<A>(repeating: 1 / new[row])
    @inline(__always) func divide(_ column: Int, _ valid: Int) {
      let g = scale * G.load(base, column, valid, as: A.self)
      let square = g * g
      A.add(square, to: sums, column, valid)
      A.add(square * inverse, to: weightedSums, column, valid)
    }
    forEachVector(gradient.columns, divide)
  }
}

extension ColumnSums {
  /// total ← total + partial, partial ← 0.
  func movePartialSums<A: Arithmetic>(_ arithmetic: A.Type) {
    move(partial.of(A.self), into: total)
    move(partialWeighted.of(A.self), into: totalWeighted)
  }

  private func move(_ sums: UnsafeMutablePointer<some Arithmetic>, into totals: UnsafeMutablePointer<Double>)
  {
    for index in 0..<count {
      totals[index] += Double(sums[index])
      sums[index] = 0
    }
  }
}
