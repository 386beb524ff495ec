import KernelInterface
import SwiftKernels

/// The copy of the Swift kernels in use: the copy for AVX2 if the processor supports it, otherwise the
/// baseline.
///
/// Both copies have the same sources and give the same bits.
package enum SwiftKernelChoice {
  /// Whether the baseline is used on every processor, for tests that compare the copies.
  @TaskLocal package static var usesBaseline = false

  /// The copy in use.
  package static var kernels: KernelTable { usesBaseline ? baseline : fastest }

  /// The copy that every processor of this architecture can run.
  package static var baseline: KernelTable { swiftKernels }

  private static let fastest: KernelTable = {
    #if AVX2
      if hasAVX2 { return kernelsForAVX2() }
    #endif
    return baseline
  }()
}
