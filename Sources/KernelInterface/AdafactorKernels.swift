/// The kernels of Adafactor for parameters of one type and gradients of another: the statistics of a gradient
/// in pieces, and the update in the same pieces.
///
/// Symbols: G the gradient times its scale (rows × columns), R and C its row and column second moments, P the
/// parameter. R, C, and every other array of moments hold the arithmetic type of P (`ScalarType.arithmeticType`).
/// A piece is some rows of a matrix (`rows` × all columns) or a panel of its columns (all rows × `columns`).
/// The starts of consecutive rows are `stride` elements apart.
///
/// Gradients and parameters may have any address. Moments, factors and sums are aligned to their element
/// size.
///
/// The order of every sum is determined by the piece, so results don't depend on threads or alignment.
package struct AdafactorKernels: Sendable {
  // MARK: Statistics: neither the parameter nor its state changes

  /// Computes Rᵢ ← β Rᵢ + (1−β)(Σⱼ g²ᵢⱼ / n + ε) for the rows of the piece, where n is `average.count`, then
  /// Σᵢ g²ᵢⱼ and Σᵢ g²ᵢⱼ / Rᵢ of each column.
  ///
  /// - `old`: R before the step, `rows` numbers. `new` receives R after the step, and may be the same memory
  ///   as `old`.
  /// - `sums` receive the sums over the rows of the piece. Their previous totals are overwritten.
  package var rowStatistics:
    @Sendable (GradientPiece, MomentAverage, _ old: Elements, _ new: MutableElements, _ sums: ColumnSums) ->
      Void

  /// Computes Cⱼ ← β Cⱼ + (1−β)(Σᵢ g²ᵢⱼ / n + ε) for the columns of a panel that holds every row, then adds
  /// Σⱼ g²ᵢⱼ to `sums`ᵢ and Σⱼ g²ᵢⱼ / Cⱼ to `weightedSums`ᵢ. Returns Σⱼ 1 / Cⱼ, or NaN if a Cⱼ is not finite.
  package var panelStatistics:
    @Sendable (
      GradientPiece, MomentAverage, _ old: Elements, _ new: MutableElements,
      _ sums: UnsafeMutablePointer<Double>, _ weightedSums: UnsafeMutablePointer<Double>
    ) -> Double

  /// Computes only R, with the same bits as `rowStatistics`.
  package var rowMoments:
    @Sendable (GradientPiece, MomentAverage, _ old: Elements, _ new: MutableElements) -> Void

  /// Computes only C, with the same bits as `panelStatistics`.
  package var columnMoments:
    @Sendable (GradientPiece, MomentAverage, _ old: Elements, _ new: MutableElements) -> Void

  /// Computes moments from complete sums, new ← β old + (1−β)(sums / n + ε). Returns Σ weightedSums / new,
  /// the contribution of these rows or columns to Σ u² ÷ mean R.
  package var finishMoments:
    @Sendable (
      MomentAverage, _ old: Elements, _ new: MutableElements, _ sums: UnsafePointer<Double>,
      _ weightedSums: UnsafePointer<Double>, _ count: Int
    ) -> Double

  /// Returns Σ g² / v for a tensor that is not factored, with v ← β v + (1−β)(g² + ε), which is not stored.
  package var elementStatistics: @Sendable (GradientPiece, MomentAverage, _ moments: Elements) -> Double

  /// Returns Σ u² over small matrices, with new R and C that are not stored.
  package var smallMatrixStatistics:
    @Sendable (MatrixBatch, _ rowMoments: Elements, _ columnMoments: Elements) -> Double

  /// Returns Σ x over moments.
  package var sum: @Sendable (_ moments: Elements, _ count: Int) -> Double

  /// Returns Σ 1 / x over moments.
  package var inverseSum: @Sendable (_ moments: Elements, _ count: Int) -> Double

  /// Returns Σ p² over a piece of a parameter, with the same bits that the update of the piece returns.
  package var sumOfSquares: @Sendable (Elements, _ rows: Int, _ columns: Int, _ stride: Int) -> Double

  // MARK: Update: each kernel returns Σ p² of the new values as stored

  /// out ← factor / √moments.
  package var reciprocalRoots:
    @Sendable (_ moments: Elements, _ factor: Double, _ count: Int, _ out: MutableElements) -> Void

  /// P ← P − α·weightDecay·P − A(B G), with row factors A and column factors B. With momentum, A(B G) is
  /// replaced by its average.
  package var updateFactored:
    @Sendable (
      MutableElements, GradientPiece, _ rowFactors: Elements, _ columnFactors: Elements, ParameterChange
    ) -> Double

  /// v ← β v + (1−β)(g² + ε), P ← P − α·weightDecay·P − factor · g / √v. With momentum, the last term is
  /// replaced by its average.
  package var updateElements:
    @Sendable (
      MutableElements, GradientPiece, MomentAverage, _ moments: MutableElements, _ factor: Double,
      ParameterChange
    ) -> Double

  /// Computes new R and C of small matrices, and updates their parameters by `factor` · U. For matrices of
  /// one element, R and C may be the same memory. Σ p² has the same bits as `sumOfSquares` of one row.
  package var updateSmallMatrices:
    @Sendable (
      MutableElements, MatrixBatch, _ rowMoments: MutableElements, _ columnMoments: MutableElements,
      _ factor: Double, ParameterChange
    ) -> Double

  // MARK: For backends with a library that takes squares

  /// tile ← (scale G)², contiguous, in the arithmetic type.
  package var squares: @Sendable (GradientPiece, _ tile: MutableElements) -> Void

  /// Moves partial sums into the totals, `adding` to the current totals if true, and resets the partial sums
  /// to 0 for the next rows.
  package var movePartialSums: @Sendable (ColumnSums, _ adding: Bool) -> Void

  /// Creates a table of these entries, in the order of their declarations.
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
