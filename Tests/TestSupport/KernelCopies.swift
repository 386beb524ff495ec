import Tensors
import Testing

extension Trait where Self == ConditionTrait {
  /// Skips tests that compare both copies of the Swift kernels if only the baseline runs here.
  package static var comparingKernelCopies: Self {
    .enabled(
      if: SwiftKernelChoice.kernels !== SwiftKernelChoice.baseline,
      "Only the baseline of the Swift kernels runs: the processor lacks AVX2, or the build its copy.")
  }
}
