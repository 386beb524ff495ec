import Tensors
import Testing

extension Trait where Self == ConditionTrait {
  /// Skips tests that compare both copies of the Swift kernels if only the baseline can run here.
  package static var comparingKernelCopies: Self {
    .enabled(
      if: SwiftKernelChoice.kernels !== SwiftKernelChoice.baseline,
      "Only the baseline of the Swift kernels runs: the processor or the build lacks AVX2.")
  }
}
