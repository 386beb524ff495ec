/// A piece of a gradient: `rows` × `columns` elements, with `stride` elements from row to row.
package struct GradientPiece: Sendable {
  /// The first element of the first row.
  package var elements: Elements
  /// The factor that every element is multiplied by when it is read, such as 1 / (loss scale × accumulated
  /// weight).
  package var scale: Double
  /// The number of rows of the piece.
  package var rows: Int
  /// The number of columns of the piece.
  package var columns: Int
  /// The number of elements from the start of a row to the start of the next.
  package var stride: Int
  /// Whether these elements and the parameter's may not be in the cache. Kernels then prefetch them, which
  /// changes no bit.
  package var mayComeFromMemory: Bool

  /// Creates a piece of a gradient.
  package init(
    _ elements: Elements, scale: Double, rows: Int, columns: Int, stride: Int,
    mayComeFromMemory: Bool = false
  ) {
    self.elements = elements
    self.scale = scale
    self.rows = rows
    self.columns = columns
    self.stride = stride
    self.mayComeFromMemory = mayComeFromMemory
  }
}

/// The memory for sums per column: in the arithmetic type over a few rows, in Double over all rows.
package struct ColumnSums {
  /// Σ g² in the arithmetic type, one per column: 0 before and after a kernel.
  package let partial: MutableElements
  /// Σ g² / R in the arithmetic type, one per column: 0 before and after a kernel.
  package let partialWeighted: MutableElements
  /// Σ g² over all rows.
  package let total: UnsafeMutablePointer<Double>
  /// Σ g² / R over all rows.
  package let totalWeighted: UnsafeMutablePointer<Double>
  /// The number of columns.
  package let count: Int

  /// Creates sums of `count` columns. A kernel writes the totals.
  package init(
    partial: MutableElements, partialWeighted: MutableElements, total: UnsafeMutablePointer<Double>,
    totalWeighted: UnsafeMutablePointer<Double>, count: Int
  ) {
    self.partial = partial
    self.partialWeighted = partialWeighted
    self.total = total
    self.totalWeighted = totalWeighted
    self.count = count
  }
}

/// The moving average of squared gradients at one step: new ← β old + (1−β)(Σ g² / count + ε).
package struct MomentAverage: Sendable {
  /// β = 1 − t^decayRate.
  package var decay: Double
  /// 1 − β, computed as t^decayRate: the difference of 1 and β has no accurate digits left at step 10⁴.
  package var weight: Double
  /// ε, added to the mean of squares before the mean is weighted.
  package var epsilon: Double
  /// The number of squares in a sum: the columns for R, the rows for C.
  package var count: Int

  /// Creates a moving average.
  package init(decay: Double, weight: Double, epsilon: Double, count: Int) {
    self.decay = decay
    self.weight = weight
    self.epsilon = epsilon
    self.count = count
  }
}

/// Contiguous small matrices, each `rows` × `columns`, and the moving average of their moments.
package struct MatrixBatch: Sendable {
  /// The first element of the first matrix.
  package var gradient: Elements
  /// The factor that every element is multiplied by when it is read.
  package var scale: Double
  /// The number of matrices.
  package var count: Int
  /// The number of rows of each matrix.
  package let rows: Int
  /// The number of columns of each matrix.
  package let columns: Int
  /// The number of elements of each matrix.
  package let elements: Int
  /// β, 1 − β and ε, for any number of squares.
  private let average: MomentAverage

  /// Creates a batch of small matrices.
  package init(
    _ gradient: Elements, scale: Double, count: Int, rows: Int, columns: Int, average: MomentAverage
  ) {
    self.gradient = gradient
    self.scale = scale
    self.count = count
    self.rows = rows
    self.columns = columns
    elements = rows * columns
    self.average = average
  }

  /// Returns the moving average with sums of `count` squares.
  package func average(count: Int) -> MomentAverage {
    var average = average
    average.count = count
    return average
  }
}

/// The parts of a parameter's change in addition to the update: weight decay, momentum and rounding.
package struct ParameterChange: Sendable {
  /// α·weightDecay: each update first subtracts this factor times P.
  package var shrinkage: Double
  /// The average of updates and its coefficient: M ← beta1·M + (1−beta1)·update, and P is reduced by M.
  package var momentum: (moments: MutableElements, beta1: Double)?
  /// The rounding into a 16-bit parameter.
  package var rounding: ParameterRounding

  /// Creates a change of a parameter.
  package init(
    shrinkage: Double, momentum: (moments: MutableElements, beta1: Double)? = nil,
    rounding: ParameterRounding = .nearest
  ) {
    self.shrinkage = shrinkage
    self.momentum = momentum
    self.rounding = rounding
  }

  /// Returns the same change for the elements from index `offset`.
  package func advanced(by offset: Int) -> ParameterChange {
    ParameterChange(
      shrinkage: shrinkage, momentum: momentum.map { ($0.moments.advanced(by: offset), $0.beta1) },
      rounding: rounding.advanced(by: offset))
  }
}
