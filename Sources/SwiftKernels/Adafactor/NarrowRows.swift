import KernelInterface

/// Matrices with fewer columns than a vector has lanes: eight rows at a time, one per lane.
///
/// By rows, such a matrix would consist only of incomplete vectors and take ten times as long.
struct NarrowRows<G: TensorScalar, A: ArithmeticScalar> {
  private let gradient: GradientPiece
  private let scale: SIMD8<A>

  private init(_ gradient: GradientPiece) {
    self.gradient = gradient
    scale = SIMD8(repeating: A(gradient.scale))
  }

  /// Returns scaled g of one column in `count` rows from `row`.
  @inline(__always)
  private func lanes(_ row: Int, _ column: Int, _ count: Int) -> SIMD8<A> {
    let offset = row &* gradient.stride &+ column
    return scale * G.lanes(gradient.elements.address, offset, stride: gradient.stride, count, as: A.self)
  }

  // MARK: Statistics

  /// Like ``RowStatistics/accumulate(_:average:old:new:sums:)``, for as many rows as fill the lanes. Returns
  /// their number.
  static func accumulate(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements, sums: ColumnSums
  ) -> Int {
    let columns = gradient.columns
    return withUnsafeTemporaryAllocation(of: SIMD8<A>.self, capacity: 2 * laneCount) { memory in
      let columnSums = memory.baseAddress!
      let weightedSums = columnSums + laneCount
      memory.initialize(repeating: SIMD8())
      return forEachEight(of: gradient, average: average, old: old, new: new) { row, squares, moments in
        let inverses = 1 / moments
        for column in 0..<columns {
          columnSums[column] += squares[column]
          weightedSums[column] += squares[column] * inverses
        }
        let end = row &+ laneCount
        guard end % KernelLimits.rowsPerColumnSum == 0 || end &+ laneCount > gradient.rows else { return }
        let isFirst = end <= KernelLimits.rowsPerColumnSum
        for column in 0..<columns {
          move(&columnSums[column], to: &sums.total[column], adding: !isFirst)
          move(&weightedSums[column], to: &sums.totalWeighted[column], adding: !isFirst)
        }
      }
    }
  }

  /// Like ``RowStatistics/rowMoments(_:average:old:new:)``, for as many rows as fill the lanes. Returns their
  /// number.
  static func rowMoments(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements
  ) -> Int {
    forEachEight(of: gradient, average: average, old: old, new: new) { _, _, _ in }
  }

  /// Computes new R of eight rows at a time. `body` receives their squares, column by column. Returns the
  /// number of rows.
  @inline(__always)
  private static func forEachEight(
    of gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements,
    _ body: (_ row: Int, _ squares: UnsafeMutablePointer<SIMD8<A>>, _ moments: SIMD8<A>) -> Void
  ) -> Int {
    let rows = NarrowRows(gradient)
    let average = MovingAverage<A>(average)
    let (old, new) = (UnsafeRawPointer(old.of(A.self)), UnsafeMutableRawPointer(new.of(A.self)))
    let end = gradient.rows / laneCount * laneCount
    withUnsafeTemporaryAllocation(of: SIMD8<A>.self, capacity: laneCount) { memory in
      let squares = memory.baseAddress!
      for row in stride(from: 0, to: end, by: laneCount) {
        var sum = SIMD8<A>()
        for column in 0..<gradient.columns {
          let g = rows.lanes(row, column, laneCount)
          squares[column] = g * g
          sum += squares[column]
        }
        let moments = average.updated(A.load(old, row, laneCount), sum: sum)
        _ = A.store(moments, new, row, laneCount)
        body(row, squares, moments)
      }
    }
    return end
  }

  /// total ← Σ lanes, `adding` to its previous value if true; sum ← 0.
  @inline(__always)
  private static func move(_ sum: inout SIMD8<A>, to total: inout Double, adding: Bool) {
    total = (adding ? total : 0) + Double(sum.laneSum)
    sum = SIMD8()
  }

  // MARK: Update

  /// Like ``FactoredUpdate/update(_:_:rowFactors:columnFactors:change:)``, for parameters of type `P`.
  static func update<P: TensorScalar>(
    _ parameter: MutableElements, of _: P.Type, _ gradient: GradientPiece, rowFactors: Elements,
    columnFactors: Elements, change: ParameterChange
  ) {
    let rows = NarrowRows(gradient)
    let writer = ParameterWriter<P, A>(change)
    let rowFactors = UnsafeRawPointer(rowFactors.of(A.self))
    let columnFactors = columnFactors.of(A.self)
    for row in stride(from: 0, to: gradient.rows, by: laneCount) {
      let count = min(laneCount, gradient.rows - row)
      let rowFactor = A.load(rowFactors, row, count, as: A.self)
      for column in 0..<gradient.columns {
        let update = rowFactor * (SIMD8(repeating: columnFactors[column]) * rows.lanes(row, column, count))
        writer.applyToLanes(
          update, of: parameter.address, row &* gradient.stride &+ column, stride: gradient.stride, count)
      }
    }
  }
}

/// Returns whether a matrix is so narrow that ``NarrowRows`` processes its elements, and its squares are
/// added in one run.
@inline(__always)
func isNarrow(rows: Int, columns: Int, stride: Int) -> Bool {
  columns < laneCount && rows >= laneCount && stride == columns
}
