import KernelInterface

/// Whether a gradient is fit for an update whose second moments must stay finite.
enum FiniteSquares<G: TensorScalar, A: ArithmeticScalar> {
  /// Whether (scale · g)² is finite for every element of a row.
  static func areFinite(_ gradient: GradientPiece) -> Bool {
    let scale = A(gradient.scale)
    // 0 · x is 0 for every finite x and NaN for others: a sum of squares could overflow where no square does.
    var products = SIMD8<A>()
    @inline(__always) func add(_ offset: Int, _ valid: Int) {
      let g = scale * G.load(gradient.elements.address, offset, valid, as: A.self)
      products += 0 * (g * g)
    }
    forEachVector(gradient.columns, add)
    return products == SIMD8<A>()
  }
}
