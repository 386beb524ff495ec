#if OpenBLAS
  import Kernels

  /// AdamW has nothing for BLAS: both kernels come from `SwiftKernels`.
  extension OpenBLASKernels {
    package func updateAdamW(
      _ parameter: MutableElements, _ gradient: GradientPiece, moments: AdamWMoments, rule: AdamWRule,
      change: ParameterChange
    ) {
      swift.updateAdamW(parameter, gradient, moments: moments, rule: rule, change: change)
    }

    package func squaresAreFinite(_ gradient: GradientPiece, arithmetic: ScalarType) -> Bool {
      swift.squaresAreFinite(gradient, arithmetic: arithmetic)
    }
  }
#endif
