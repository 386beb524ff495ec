import KernelInterface

/// Adafactor on trailing matrices of one element, as in 1 × 1 convolutions: R and C for each element.
///
/// The mean of R is R itself, so u = g √(R / R) / √C = g / √C for any R. R and C average the same squares: if
/// they were equal at the start, they stay equal and share their memory.
enum SingleElements<P: TensorScalar, G: TensorScalar, A: ArithmeticScalar> {
  /// Returns Σ g² / C with new C, which is not stored.
  static func statistics(_ batch: MatrixBatch, moments: Elements) -> Double {
    ElementStatistics<G, A>.sum(piece(batch), average: batch.average(count: 1), moments: moments)
  }

  /// Stores new moments and parameters. Returns Σ p² of the stored values.
  static func update(
    _ parameter: MutableElements, _ batch: MatrixBatch, rowMoments: MutableElements,
    columnMoments: MutableElements, factor: Double, change: ParameterChange
  ) -> Double {
    if rowMoments.address == columnMoments.address {
      return ElementUpdate<P, G, A>.update(
        parameter, piece(batch), average: batch.average(count: 1), moments: columnMoments, factor: factor,
        change: change)
    }
    let average = MovingAverage<A>(batch.average(count: 1))
    let scale = SIMD8<A>(repeating: A(batch.scale))
    let rows = UnsafeMutableRawPointer(rowMoments.of(A.self))
    @inline(__always) func updateRow(_ offset: Int, _ valid: Int) {
      let g = scale * G.load(batch.gradient.address, offset, valid, as: A.self)
      let old = A.load(UnsafeRawPointer(rows), offset, valid, as: A.self)
      _ = A.store(average.updated(old, sum: g * g), rows, offset, valid)
    }
    var squares = 0.0
    // In pieces, so that the second pass finds the gradient in the first-level cache.
    for start in stride(from: 0, to: batch.count, by: KernelLimits.elementsPerSum) {
      let end = min(start &+ KernelLimits.elementsPerSum, batch.count)
      forEachVector(start..<end, updateRow)
      var part = piece(batch)
      part.elements = part.elements.advanced(by: start)
      part.columns = end &- start
      squares += ElementUpdate<P, G, A>.update(
        parameter.advanced(by: start), part, average: batch.average(count: 1),
        moments: columnMoments.advanced(by: start), factor: factor, change: change.advanced(by: start))
    }
    return squares
  }

  /// Returns the elements of all matrices as one row.
  private static func piece(_ batch: MatrixBatch) -> GradientPiece {
    GradientPiece(batch.gradient, scale: batch.scale, rows: 1, columns: batch.count, stride: batch.count)
  }
}
