#if OpenBLAS
  import KernelInterface

  /// AdamW from `SwiftKernels` alone: BLAS has neither roots nor quotients, and its moving averages would not pay.
  ///
  /// `scal` and `axpy` on pieces in the first-level cache take 6.2 µs for the averages of 16,384 elements. The pass that
  /// does everything takes 13.8 µs for them, 6.0 µs compiled for AVX2; its roots and quotients alone fill most of that
  /// time, so that the averages beside them are nearly free.
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
