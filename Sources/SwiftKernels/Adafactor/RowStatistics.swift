import KernelInterface

/// The first read of the gradient, by rows: new R, and the sums for C and Σ u².
///
/// A row's R must be complete before its squares are divided by it. While four rows are summed, the previous
/// four rows, which are still in the cache, are divided. This way, memory is read without a pause, and the
/// column sums are loaded and stored once per four rows.
struct RowStatistics<G: TensorScalar, A: ArithmeticScalar> {
  private let gradient: GradientPiece
  private let scale: SIMD8<A>
  private let average: MovingAverage<A>
  private let old: UnsafePointer<A>
  private let new: UnsafeMutablePointer<A>
  /// The column sums of at most `rowsPerColumnSum` rows.
  private let sums: UnsafeMutableRawPointer
  private let weightedSums: UnsafeMutableRawPointer

  /// The number of elements after which Σⱼ g² continues in Double: one vector of sums takes 32 terms per
  /// lane.
  private static var elementsPerSum: Int { KernelLimits.elementsPerSum / 2 }

  /// The number of columns by which, in a large piece, the four summed rows are ahead of the four divided
  /// ones. Rows of a multiple of 4 KiB share lines of the first-level cache, in which eight of them and the
  /// column sums would evict each other.
  private let lead: Int

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
    let lead = 2 &* Self.elementsPerSum
    // Depends only on the shape, because sums over rotated chunks have other bits.
    let isLarge = gradient.rows &* gradient.columns > BlockPartition.blockElements
    let comesInChunks = gradient.columns > lead && gradient.columns % Self.elementsPerSum == 0
    self.lead = isLarge && comesInChunks ? lead : 0
  }

  /// Computes Rᵢ ← β Rᵢ + (1−β)(Σⱼ g²ᵢⱼ / n + ε) for the rows of the piece, then Σᵢ g²ᵢⱼ and Σᵢ g²ᵢⱼ / Rᵢ
  /// into `sums`.
  static func accumulate(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements, sums: ColumnSums
  ) {
    let rows = RowStatistics(
      gradient, average: average, old: old, new: new, sums: sums.partial, weightedSums: sums.partialWeighted)
    let rowsPerSum = KernelLimits.rowsPerColumnSum
    var row = 0
    var summed = 0
    if gradient.columns < laneCount {
      row = NarrowRows<G, A>.accumulate(gradient, average: average, old: old, new: new, sums: sums)
    }
    if row &+ 4 <= gradient.rows { rows.sumFour(row) }
    while row &+ 4 <= gradient.rows {
      if row &+ 8 > gradient.rows {
        rows.divideFour(row)
      } else if gradient.mayComeFromMemory {
        rows.divideFourSummingNextFromMemory(row)
      } else {
        rows.divideFourSummingNext(row)
      }
      row &+= 4
      summed &+= 4
      if summed == rowsPerSum {
        sums.movePartialSums(A.self, adding: row > summed)
        summed = 0
      }
    }
    while row < gradient.rows {
      rows.sum(row)
      rows.divide(row)
      row &+= 1
      summed &+= 1
    }
    if summed > 0 || row == 0 { sums.movePartialSums(A.self, adding: row > summed) }
  }

  /// Computes only Rᵢ, with the same bits as `accumulate`.
  static func rowMoments(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements
  ) {
    // Nothing is added to these sums.
    let rows = RowStatistics(gradient, average: average, old: old, new: new, sums: new, weightedSums: new)
    var row = 0
    if gradient.columns < laneCount {
      row = NarrowRows<G, A>.rowMoments(gradient, average: average, old: old, new: new)
    }
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

  /// Returns four vectors of squares, of eight columns in four rows from `base`.
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

  /// Computes new R of four rows.
  @inline(__always)
  private func sumFour(_ row: Int) {
    sumFour(row, lead: lead) { _, _, _ in }
  }

  /// Computes new R of four rows. Calls `body` for every group of columns with the group that is summed at
  /// the same time.
  @inline(__always)
  private func sumFour(
    _ row: Int, lead: Int, _ body: (_ column: Int, _ leadingColumn: Int, _ valid: Int) -> Void
  ) {
    let base = address(ofRow: row)
    let columns = gradient.columns
    var totals = SIMD4<Double>()
    var start = 0
    while start < columns {
      let end = min(start &+ Self.elementsPerSum, columns)
      let leading = start &+ lead < columns ? start &+ lead : start &+ lead &- columns
      var (sum0, sum1, sum2, sum3) = (SIMD8<A>(), SIMD8<A>(), SIMD8<A>(), SIMD8<A>())
      @inline(__always) func add(_ offset: Int, _ valid: Int) {
        body(start &+ offset, leading &+ offset, valid)
        let (q0, q1, q2, q3) = squares(base, leading &+ offset, valid)
        sum0 += q0
        sum1 += q1
        sum2 += q2
        sum3 += q3
      }
      forEachVector(end &- start, add)
      totals += inDouble(laneSums(sum0, sum1, sum2, sum3))
      start = end
    }
    let moments = UnsafeRawPointer(old + row).loadUnaligned(as: SIMD4<A>.self)
    UnsafeMutableRawPointer(new + row).storeBytes(
      of: average.updated(moments, sum: totals), as: SIMD4<A>.self)
  }

  /// Prefetches four vectors of the gradient.
  @inline(__always)
  private func prefetchFour(_ address: UnsafeRawPointer) {
    for line in stride(from: 0, to: 4 &* laneCount &* MemoryLayout<G>.stride, by: 64) {
      prefetch(address + line)
    }
  }

  /// Computes new R of one row.
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

  /// Adds the squares of four rows, and the squares divided by R, to the column sums.
  private func divideFour(_ row: Int) {
    forEachVector(gradient.columns, divisionOfFour(row))
  }

  /// Does the same as `divideFour`, and at the same time computes new R of the next four rows.
  private func divideFourSummingNext(_ row: Int) {
    let divide = divisionOfFour(row)
    sumFour(row &+ 4, lead: lead) { column, _, valid in divide(column, valid) }
  }

  /// Does the same as `divideFourSummingNext` for rows that come from memory.
  private func divideFourSummingNextFromMemory(_ row: Int) {
    let divide = divisionOfFour(row)
    // The four rows after the next, read at the same pace but without gaps, and early enough to arrive in
    // time.
    let ahead = address(ofRow: row &+ 8)
    sumFour(row &+ 4, lead: lead) { column, leadingColumn, valid in
      divide(column, valid)
      prefetchFour(ahead + 4 &* leadingColumn &* MemoryLayout<G>.stride)
    }
  }

  /// Returns the function that adds eight columns of four rows to the column sums.
  @inline(__always)
  private func divisionOfFour(_ row: Int) -> (_ column: Int, _ valid: Int) -> Void {
    let base = address(ofRow: row)
    let inverses = 1 / UnsafeRawPointer(new + row).loadUnaligned(as: SIMD4<A>.self)
    let inverse0 = SIMD8<A>(repeating: inverses.x)
    let inverse1 = SIMD8<A>(repeating: inverses.y)
    let inverse2 = SIMD8<A>(repeating: inverses.z)
    let inverse3 = SIMD8<A>(repeating: inverses.w)
    return { column, valid in
      let (q0, q1, q2, q3) = squares(base, column, valid)
      A.add((q0 + q1) + (q2 + q3), to: sums, column, valid)
      A.add(
        (q0 * inverse0 + q1 * inverse1) + (q2 * inverse2 + q3 * inverse3), to: weightedSums, column, valid)
    }
  }

  /// Adds the squares of one row, and the squares divided by R, to the column sums.
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
  /// total ← partial, `adding` to its previous value if true; partial ← 0.
  func movePartialSums<A: ArithmeticScalar>(_ arithmetic: A.Type, adding: Bool) {
    move(partial.of(A.self), to: total, adding: adding)
    move(partialWeighted.of(A.self), to: totalWeighted, adding: adding)
  }

  private func move(
    _ sums: UnsafeMutablePointer<some ArithmeticScalar>, to totals: UnsafeMutablePointer<Double>, adding: Bool
  ) {
    if adding {
      for index in 0..<count { totals[index] += Double(sums[index]) }
    } else {
      for index in 0..<count { totals[index] = Double(sums[index]) }
    }
    sums.update(repeating: 0, count: count)
  }
}
