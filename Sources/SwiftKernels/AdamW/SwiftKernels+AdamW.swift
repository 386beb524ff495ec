import KernelInterface

/// AdamW in pure Swift: each call goes to the copy of its kernel that is compiled for the types given.
extension SwiftKernels {
  package func updateAdamW(
    _ parameter: MutableElements, _ gradient: GradientPiece, moments: AdamWMoments, rule: AdamWRule,
    change: ParameterChange
  ) {
    if let tiles = TiledUpdate.of(parameter, change) {
      return tiles.updateAdamW(gradient, moments: moments, rule: rule)
    }
    UpdateKernelTable.table(parameter: parameter.type, gradient: gradient.elements.type)
      .updateAdamW(parameter, gradient, moments, rule, change)
  }

  package func squaresAreFinite(_ gradient: GradientPiece, arithmetic: ScalarType) -> Bool {
    GradientKernelTable.table(gradient: gradient.elements.type, arithmetic: arithmetic)
      .squaresAreFinite(gradient)
  }
}
