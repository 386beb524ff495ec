/// The kernels of Adafactor for parameters of one type and gradients of another: the statistics of a gradient, in
/// pieces, and the update, in the same pieces.
///
/// Symbols: G the gradient times its scale (rows × columns), R and C its row and column second moments, P the
/// parameter. R, C, and every other array of moments hold the arithmetic type of P (`ScalarType.arithmeticType`).
/// A piece is some rows of a matrix (`rows` × all columns) or a panel of its columns (all rows × `columns`):
/// the starts of consecutive rows are `stride` elements apart.
///
/// Gradients and parameters may be at any address. Moments, factors and sums are at a multiple of their size.
///
/// Every sum has a fixed order, given the piece: results don't depend on threads or on alignment.
package struct AdafactorKernels: Sendable {
  // MARK: Statistics: nothing of the parameter or its state changes

  /// Rᵢ ← β Rᵢ + (1−β)(Σⱼ g²ᵢⱼ / n + ε) for the rows of the piece, where n is `average.count`; then Σᵢ g²ᵢⱼ and
  /// Σᵢ g²ᵢⱼ / Rᵢ of each column.
  ///
  /// - `old`: R before the step, `rows` numbers. `new` receives R after it, and may be `old`.
  /// - `sums` receive the sums over the rows of the piece, whatever their totals held.
  package var rowStatistics:
    @Sendable (GradientPiece, MomentAverage, _ old: Elements, _ new: MutableElements, _ sums: ColumnSums) ->
      Void

  /// Cⱼ ← β Cⱼ + (1−β)(Σᵢ g²ᵢⱼ / n + ε) for the columns of a panel that holds every row; then adds Σⱼ g²ᵢⱼ to `sums`ᵢ
  /// and Σⱼ g²ᵢⱼ / Cⱼ to `weightedSums`ᵢ. Returns Σⱼ 1 / Cⱼ, or NaN if a Cⱼ is not finite.
  package var panelStatistics:
    @Sendable (
      GradientPiece, MomentAverage, _ old: Elements, _ new: MutableElements,
      _ sums: UnsafeMutablePointer<Double>, _ weightedSums: UnsafeMutablePointer<Double>
    ) -> Double

  /// R only, with the bits that `rowStatistics` gives.
  package var rowMoments:
    @Sendable (GradientPiece, MomentAverage, _ old: Elements, _ new: MutableElements) -> Void

  /// C only, with the bits that `panelStatistics` gives.
  package var columnMoments:
    @Sendable (GradientPiece, MomentAverage, _ old: Elements, _ new: MutableElements) -> Void

  /// Moments from sums that are complete, new ← β old + (1−β)(sums / n + ε); returns Σ weightedSums / new, the part of
  /// Σ u² ÷ mean R that these rows or columns hold.
  package var finishMoments:
    @Sendable (
      MomentAverage, _ old: Elements, _ new: MutableElements, _ sums: UnsafePointer<Double>,
      _ weightedSums: UnsafePointer<Double>, _ count: Int
    ) -> Double

  /// Σ g² / v for a tensor that is not factored, with v ← β v + (1−β)(g² + ε), which is not stored.
  package var elementStatistics: @Sendable (GradientPiece, MomentAverage, _ moments: Elements) -> Double

  /// Σ u² over small matrices, with new R and C that are not stored.
  package var smallMatrixStatistics:
    @Sendable (MatrixBatch, _ rowMoments: Elements, _ columnMoments: Elements) -> Double

  /// Σ x over moments.
  package var sum: @Sendable (_ moments: Elements, _ count: Int) -> Double

  /// Σ 1 / x over moments.
  package var inverseSum: @Sendable (_ moments: Elements, _ count: Int) -> Double

  /// Σ p² over a piece of a parameter, with the bits that the update of the same piece returns.
  package var sumOfSquares: @Sendable (Elements, _ rows: Int, _ columns: Int, _ stride: Int) -> Double

  // MARK: Update: each returns Σ p² of the new values, as stored

  /// out ← factor / √moments.
  package var reciprocalRoots:
    @Sendable (_ moments: Elements, _ factor: Double, _ count: Int, _ out: MutableElements) -> Void

  /// P ← P − α·weightDecay·P − A(B G), row factors A and column factors B; with momentum, its average instead.
  package var updateFactored:
    @Sendable (
      MutableElements, GradientPiece, _ rowFactors: Elements, _ columnFactors: Elements, ParameterChange
    ) -> Double

  /// v ← β v + (1−β)(g² + ε), P ← P − α·weightDecay·P − factor · g / √v; with momentum, its average instead.
  package var updateElements:
    @Sendable (
      MutableElements, GradientPiece, MomentAverage, _ moments: MutableElements, _ factor: Double,
      ParameterChange
    ) -> Double

  /// New R and C of small matrices, and their parameters' updates by `factor` · U. R and C of matrices of one element may
  /// be the same memory. Σ p² has the bits of `sumOfSquares` of one row.
  package var updateSmallMatrices:
    @Sendable (
      MutableElements, MatrixBatch, _ rowMoments: MutableElements, _ columnMoments: MutableElements,
      _ factor: Double, ParameterChange
    ) -> Double

  // MARK: For backends whose library takes squares

  /// tile ← (scale G)², contiguous, in the arithmetic type.
  package var squares: @Sendable (GradientPiece, _ tile: MutableElements) -> Void

  /// Moves partial sums into the totals, `adding` to what these hold, and sets the former to 0 for the next rows.
  package var movePartialSums: @Sendable (ColumnSums, _ adding: Bool) -> Void

  /// The entries, in the order of their declarations.
  package init(
    rowStatistics:
      @escaping @Sendable (GradientPiece, MomentAverage, Elements, MutableElements, ColumnSums) -> Void,
    panelStatistics:
      @escaping @Sendable (
        GradientPiece, MomentAverage, Elements, MutableElements, UnsafeMutablePointer<Double>,
        UnsafeMutablePointer<Double>
      ) -> Double,
    rowMoments: @escaping @Sendable (GradientPiece, MomentAverage, Elements, MutableElements) -> Void,
    columnMoments: @escaping @Sendable (GradientPiece, MomentAverage, Elements, MutableElements) -> Void,
    finishMoments:
      @escaping @Sendable (
        MomentAverage, Elements, MutableElements, UnsafePointer<Double>, UnsafePointer<Double>, Int
      ) -> Double,
    elementStatistics: @escaping @Sendable (GradientPiece, MomentAverage, Elements) -> Double,
    smallMatrixStatistics: @escaping @Sendable (MatrixBatch, Elements, Elements) -> Double,
    sum: @escaping @Sendable (Elements, Int) -> Double,
    inverseSum: @escaping @Sendable (Elements, Int) -> Double,
    sumOfSquares: @escaping @Sendable (Elements, Int, Int, Int) -> Double,
    reciprocalRoots: @escaping @Sendable (Elements, Double, Int, MutableElements) -> Void,
    updateFactored:
      @escaping @Sendable (MutableElements, GradientPiece, Elements, Elements, ParameterChange) -> Double,
    updateElements:
      @escaping @Sendable (
        MutableElements, GradientPiece, MomentAverage, MutableElements, Double, ParameterChange
      ) -> Double,
    updateSmallMatrices:
      @escaping @Sendable (
        MutableElements, MatrixBatch, MutableElements, MutableElements, Double, ParameterChange
      ) -> Double,
    squares: @escaping @Sendable (GradientPiece, MutableElements) -> Void,
    movePartialSums: @escaping @Sendable (ColumnSums, Bool) -> Void
  ) {
    self.rowStatistics = rowStatistics
    self.panelStatistics = panelStatistics
    self.rowMoments = rowMoments
    self.columnMoments = columnMoments
    self.finishMoments = finishMoments
    self.elementStatistics = elementStatistics
    self.smallMatrixStatistics = smallMatrixStatistics
    self.sum = sum
    self.inverseSum = inverseSum
    self.sumOfSquares = sumOfSquares
    self.reciprocalRoots = reciprocalRoots
    self.updateFactored = updateFactored
    self.updateElements = updateElements
    self.updateSmallMatrices = updateSmallMatrices
    self.squares = squares
    self.movePartialSums = movePartialSums
  }
}
