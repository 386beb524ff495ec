import KernelInterface

/// The statistics of a factored gradient with squares, quotients and sums in Double, in plain loops.
///
/// They are for gradients whose squares or sums of squares exceed the range of Float although the moments do
/// not. An element whose own square exceeds that range becomes infinity here too, so the limit is the same as
/// in all other kernels.
enum ExactStatistics<A: ArithmeticScalar> {
  /// Returns kernels with these statistics instead of their own.
  static func replacing(_ kernels: AdafactorKernels) -> AdafactorKernels {
    var kernels = kernels
    kernels.rowStatistics = { rows($0, average: $1, old: $2, new: $3, sums: $4) }
    kernels.rowMoments = { rows($0, average: $1, old: $2, new: $3, sums: nil) }
    kernels.panelStatistics = { gradient, average, old, new, sums, weightedSums in
      columns(gradient, average: average, old: old, new: new)
      let moments = new.of(A.self)
      forEachRow(of: gradient) { row, squares in
        for column in 0..<gradient.columns {
          sums[row] += squares[column]
          weightedSums[row] += squares[column] / moments[column].doubleValue
        }
      }
      return (0..<gradient.columns).reduce(0) { inverses, column in
        let moment = moments[column].doubleValue
        return inverses + (moment.isFinite ? 1 / moment : .nan)
      }
    }
    kernels.columnMoments = { columns($0, average: $1, old: $2, new: $3) }
    return kernels
  }

  private static func rows(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements, sums: ColumnSums?
  ) {
    let (old, new, average) = (old.of(A.self), new.of(A.self), MovingAverage<A>(average))
    if let sums {
      sums.total.update(repeating: 0, count: sums.count)
      sums.totalWeighted.update(repeating: 0, count: sums.count)
    }
    forEachRow(of: gradient) { row, squares in
      var sum = 0.0
      for column in 0..<gradient.columns { sum += squares[column] }
      new[row] = average.updated(old[row], sum: sum)
      guard let sums else { return }
      let moment = new[row].doubleValue
      for column in 0..<gradient.columns {
        sums.total[column] += squares[column]
        sums.totalWeighted[column] += squares[column] / moment
      }
    }
  }

  private static func columns(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements
  ) {
    let (old, new, average) = (old.of(A.self), new.of(A.self), MovingAverage<A>(average))
    withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, gradient.columns)) { sums in
      sums.initialize(repeating: 0)
      forEachRow(of: gradient) { _, squares in
        for column in 0..<gradient.columns { sums[column] += squares[column] }
      }
      for column in 0..<gradient.columns { new[column] = average.updated(old[column], sum: sums[column]) }
    }
  }

  /// Calls `body` with the squares of each row in turn.
  @inline(__always)
  private static func forEachRow(
    of gradient: GradientPiece, _ body: (_ row: Int, _ squares: UnsafeMutablePointer<Double>) -> Void
  ) {
    let (scale, columns) = (A(gradient.scale), gradient.columns)
    withUnsafeTemporaryAllocation(of: A.self, capacity: max(1, columns)) { values in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, columns)) { squares in
        let (values, squares) = (values.baseAddress!, squares.baseAddress!)
        for row in 0..<gradient.rows {
          read(gradient.elements.advanced(by: row &* gradient.stride), columns, values)
          for column in 0..<columns {
            let g = scale * values[column]
            squares[column] = (g * g).isFinite ? g.doubleValue * g.doubleValue : (g * g).doubleValue
          }
          body(row, squares)
        }
      }
    }
  }

  @inline(__always)
  private static func read(_ elements: Elements, _ count: Int, _ values: UnsafeMutablePointer<A>) {
    if A.self == Double.self {
      elements.read(count: count, into: UnsafeMutableRawPointer(values).assumingMemoryBound(to: Double.self))
    } else {
      elements.read(count: count, into: UnsafeMutableRawPointer(values).assumingMemoryBound(to: Float.self))
    }
  }
}
