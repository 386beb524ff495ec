internal import KernelInterface
import SwiftKernels

/// Which copy of the Swift kernels computes: the one for AVX2 where the processor has it, else the baseline.
///
/// Both have the same sources and give the same bits.
package enum SwiftKernelChoice {
  /// Whether the baseline computes on every processor: for tests that compare the copies.
  @TaskLocal package static var usesBaseline = false

  /// The copy that computes.
  static var kernels: any SwiftKernelPath {
    #if AVX2
      if hasAVX2 && !usesBaseline { return avx2Kernels() }
    #endif
    return SwiftKernels()
  }
}
