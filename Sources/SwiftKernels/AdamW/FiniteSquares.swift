import KernelInterface

/// Checks gradients for updates that need finite second moments.
enum FiniteSquares<G: TensorScalar, A: ArithmeticScalar> {
  /// Returns whether (scale · g)² is finite for every element of a row.
  static func areFinite(_ gradient: GradientPiece) -> Bool {
    let scale = A(gradient.scale)
    // 0 · x is 0 for finite x and NaN otherwise. A sum of squares could overflow although no square does.
    var products = SIMD8<A>()
    @inline(__always) func add(_ offset: Int, _ valid: Int) {
      let g = scale * G.load(gradient.elements.address, offset, valid, as: A.self)
      products += 0 * (g * g)
    }
    forEachVector(gradient.columns, add)
    return products == SIMD8<A>()
  }
}
