/// What an Adafactor step is made of: statistics of a gradient, in pieces; then the update, in the same pieces.
///
/// Symbols: G the gradient times its scale (rows × columns), R and C its row and column second moments, P the
/// parameter. R, C, and every other array of moments hold the arithmetic type of P (`ScalarType.arithmeticType`).
/// A piece is some rows of a matrix (`rows` × all columns) or a panel of its columns (all rows × `columns`):
/// `stride` elements lie between the starts of consecutive rows.
///
/// Gradients and parameters may lie at any address; moments, factors and sums at a multiple of their size.
///
/// Every sum has a fixed order, given the piece: results don't depend on threads or on alignment.
package protocol AdafactorKernels {
  // MARK: Statistics: nothing of the parameter or its state changes

  /// Rᵢ ← β Rᵢ + (1−β)(Σⱼ g²ᵢⱼ / n + ε) for the rows of the piece, where n is `average.count`; then adds Σᵢ g²ᵢⱼ and
  /// Σᵢ g²ᵢⱼ / Rᵢ to the sums of each column.
  ///
  /// - Parameters:
  ///   - old: R before the step, `rows` numbers.
  ///   - new: Receives R after it; may be `old`.
  ///   - sums: Take the sums over the rows of the piece.
  func rowStatistics(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements, sums: ColumnSums)

  /// Cⱼ ← β Cⱼ + (1−β)(Σᵢ g²ᵢⱼ / n + ε) for the columns of a panel that holds every row; then adds Σⱼ g²ᵢⱼ to `sums`ᵢ
  /// and Σⱼ g²ᵢⱼ / Cⱼ to `weightedSums`ᵢ.
  func panelStatistics(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements,
    sums: UnsafeMutablePointer<Double>, weightedSums: UnsafeMutablePointer<Double>)

  /// Moments from sums that are complete: new ← β old + (1−β)(sums / n + ε).
  ///
  /// - Returns: Σ weightedSums / new, the part of Σ u² ÷ mean R that these rows or columns hold.
  func finishMoments(
    average: MomentAverage, old: Elements, new: MutableElements, sums: UnsafePointer<Double>,
    weightedSums: UnsafePointer<Double>, count: Int
  ) -> Double

  /// Σ g² / v for a tensor that is not factored, with v ← β v + (1−β)(g² + ε), which is not stored.
  func elementStatistics(_ gradient: GradientPiece, average: MomentAverage, moments: Elements) -> Double

  /// Σ p² over a piece of a parameter, with the bits that the update of the same piece returns.
  func sumOfSquares(_ elements: Elements, rows: Int, columns: Int, stride: Int) -> Double

  /// Σ x over moments.
  func sum(_ moments: Elements, count: Int) -> Double

  /// Σ u² over small matrices, with new R and C that are not stored.
  func smallMatrixStatistics(_ batch: MatrixBatch, rowMoments: Elements, columnMoments: Elements) -> Double

  // MARK: Update

  /// R alone, with the bits that `rowStatistics` gives.
  func rowMoments(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements)

  /// C alone, with the bits that `panelStatistics` gives.
  func columnMoments(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements)

  /// New R and C of small matrices, and their parameters' updates by `factor` · U. R and C of matrices of one element may
  /// be the same memory.
  ///
  /// - Returns: Σ p² of the new values, as stored, with the bits of `sumOfSquares` of one row.
  func updateSmallMatrices(
    _ parameter: MutableElements, _ batch: MatrixBatch, rowMoments: MutableElements,
    columnMoments: MutableElements, factor: Double, change: ParameterChange
  ) -> Double

  /// out ← factor / √moments.
  func reciprocalRoots(_ moments: Elements, factor: Double, count: Int, into out: MutableElements)

  /// P ← P − α·weightDecay·P − A(B G), row factors A and column factors B; with momentum, its average instead.
  ///
  /// - Returns: Σ p² of the new values, as stored.
  func updateFactored(
    _ parameter: MutableElements, _ gradient: GradientPiece, rowFactors: Elements, columnFactors: Elements,
    change: ParameterChange
  ) -> Double

  /// v ← β v + (1−β)(g² + ε), P ← P − α·weightDecay·P − factor · g / √v; with momentum, its average instead.
  ///
  /// - Returns: Σ p² of the new values, as stored.
  func updateElements(
    _ parameter: MutableElements, _ gradient: GradientPiece, average: MomentAverage, moments: MutableElements,
    factor: Double, change: ParameterChange
  ) -> Double
}

/// A piece of a gradient: `rows` × `columns` elements, `stride` elements from row to row.
package struct GradientPiece: Sendable {
  /// The first element of the first row.
  package var elements: Elements
  /// What every element is multiplied by as it is read: 1 / (loss scale × accumulated weight), say.
  package var scale: Double
  /// Rows of the piece.
  package var rows: Int
  /// Columns of the piece.
  package var columns: Int
  /// Elements from the start of a row to the start of the next.
  package var stride: Int
  /// Whether these elements, and the parameter's, may have to come from memory. Kernels then ask for them early, which
  /// changes no bit.
  package var mayComeFromMemory: Bool

  /// A piece of a gradient.
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

/// Where sums per column go: in the arithmetic type over a few rows, in Double over those.
package struct ColumnSums {
  /// Σ g² in the arithmetic type, one for each column: 0 before and after a kernel.
  package let partial: MutableElements
  /// Σ g² / R in the arithmetic type: 0 before and after a kernel.
  package let partialWeighted: MutableElements
  /// Σ g²: what the rows add up to.
  package let total: UnsafeMutablePointer<Double>
  /// Σ g² / R.
  package let totalWeighted: UnsafeMutablePointer<Double>
  /// Columns.
  package let count: Int

  /// Sums of `count` columns: a kernel writes the totals.
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
  /// 1 − β, computed as t^decayRate: the difference of β from 1 has lost its digits by step 10⁴.
  package var weight: Double
  /// ε, added to the mean of squares before it is weighted.
  package var epsilon: Double
  /// How many squares a sum holds: the columns for R, the rows for C.
  package var count: Int

  /// A moving average.
  package init(decay: Double, weight: Double, epsilon: Double, count: Int) {
    self.decay = decay
    self.weight = weight
    self.epsilon = epsilon
    self.count = count
  }
}

/// Small matrices behind each other, `rows` × `columns` each, and the moving average of their moments.
package struct MatrixBatch: Sendable {
  /// The first element of the first matrix.
  package var gradient: Elements
  /// What every element is multiplied by as it is read.
  package var scale: Double
  /// Matrices.
  package var count: Int
  /// Rows of each.
  package let rows: Int
  /// Columns of each.
  package let columns: Int
  /// Elements of each.
  package let elements: Int
  /// β, 1 − β and ε, for any number of squares.
  private let average: MomentAverage

  /// Small matrices.
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

  /// The moving average with sums of `count` squares.
  package func average(count: Int) -> MomentAverage {
    var average = average
    average.count = count
    return average
  }
}

/// How an update enters a parameter, beside the update itself.
package struct ParameterChange: Sendable {
  /// α·weightDecay: the share of P that is taken off before the update; 0 takes nothing.
  package var shrinkage: Double
  /// The average of updates and its coefficient: M ← beta1·M + (1−beta1)·update, and M is taken off P.
  package var momentum: (moments: MutableElements, beta1: Double)?
  /// How a 16-bit parameter takes its new values.
  package var rounding: ParameterRounding

  /// A change of a parameter.
  package init(
    shrinkage: Double, momentum: (moments: MutableElements, beta1: Double)? = nil,
    rounding: ParameterRounding = .nearest
  ) {
    self.shrinkage = shrinkage
    self.momentum = momentum
    self.rounding = rounding
  }

  /// The same change for the elements from index `offset` on.
  package func advanced(by offset: Int) -> ParameterChange {
    ParameterChange(
      shrinkage: shrinkage, momentum: momentum.map { ($0.moments.advanced(by: offset), $0.beta1) },
      rounding: rounding.advanced(by: offset))
  }
}

/// Bounds within which kernels keep their accuracy.
package enum KernelLimits {
  /// The most rows that one column sum in the arithmetic type takes before it goes on in Double.
  @inlinable @inline(__always)
  package static var rowsPerColumnSum: Int { 64 }
  /// The most elements that one sum in the arithmetic type takes before it goes on in Double.
  @inlinable @inline(__always)
  package static var elementsPerSum: Int { 512 }
  /// The most elements that a small matrix has: eight of them stay in the first-level cache.
  @inlinable @inline(__always)
  package static var smallMatrixElements: Int { 128 }
}
