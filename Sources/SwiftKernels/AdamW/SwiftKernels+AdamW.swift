import Kernels

/// AdamW in pure Swift: each call goes to the copy of its kernel that is compiled for the types given.
extension SwiftKernels {
  package func updateAdamW(
    _ parameter: MutableElements, _ gradient: GradientPiece, moments: AdamWMoments, rule: AdamWRule,
    change: ParameterChange
  ) {
    AdamWKernelTable.table(parameter: parameter.type, gradient: gradient.elements.type)
      .update(parameter, gradient, moments, rule, change)
  }

  package func squaresAreFinite(_ gradient: GradientPiece, arithmetic: ScalarType) -> Bool {
    switch (gradient.elements.type, arithmetic) {
    case (.float32, .float32): FiniteSquares<Float, Float>.areFinite(gradient)
    case (.float64, .float32): FiniteSquares<Double, Float>.areFinite(gradient)
    case (.float32, .float64): FiniteSquares<Float, Double>.areFinite(gradient)
    case (.float64, .float64): FiniteSquares<Double, Double>.areFinite(gradient)
    default: preconditionFailure("no kernel reads \(gradient.elements.type) gradients in \(arithmetic)")
    }
  }
}
