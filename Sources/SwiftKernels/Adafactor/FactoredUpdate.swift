import Kernels

/// The second and last read of the gradient: P ← P − α·weightDecay·P − A(B G).
enum FactoredUpdate<P: StoredScalar, G: StoredScalar, A: Arithmetic> {
  /// Updates a piece and returns Σ p² of the values stored.
  static func update(
    _ parameter: MutableElements, _ gradient: GradientPiece, rowFactors: Elements, columnFactors: Elements,
    change: ParameterChange
  ) -> Double {
    let parameter = parameter.address
    let rowFactors = rowFactors.of(A.self)
    let columnFactors = UnsafeRawPointer(columnFactors.of(A.self))
    let rule = ParameterRule<P, A>(change)
    let scale = SIMD8<A>(repeating: A(gradient.scale))
    var squares = 0.0
    for row in 0..<gradient.rows {
      let start = row &* gradient.stride
      let g = gradient.elements.address + start &* MemoryLayout<G>.stride
      let p = parameter + start &* MemoryLayout<P>.stride
      let rowFactor = SIMD8<A>(repeating: rowFactors[row])
      @inline(__always) func squaresAfter(_ column: Int, _ valid: Int) -> SIMD8<A> {
        // aᵢ (bⱼ gᵢⱼ): the product aᵢ bⱼ can overflow, bⱼ gᵢⱼ cannot.
        let scaled = scale * G.load(g, column, valid, as: A.self)
        let columnFactor = A.load(columnFactors, column, valid, as: A.self)
        let update = rowFactor * (columnFactor * scaled)
        return rule.apply(update, to: p, column, valid, momentAt: start)
      }
      squares += chunkedSum(gradient.columns, squaresAfter)
    }
    return squares
  }
}
