import KernelInterface
import SwiftKernels

/// The copy of the Swift kernels that computes: the one for AVX2 if the processor has it, or else the baseline.
///
/// Both have the same sources and give the same bits.
package enum SwiftKernelChoice {
  /// Whether the baseline computes on every processor: for tests that compare the copies.
  @TaskLocal package static var usesBaseline = false

  /// The copy that computes.
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
