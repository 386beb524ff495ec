#if AVX2
  import CProcessor
  import KernelInterface
  import SwiftKernelsAVX2

  // A file of its own: the two copies have the same names.
  extension SwiftKernelChoice {
    /// Whether this processor runs the copy for AVX2.
    package static let hasAVX2: Bool = processor_has_x86_64_v3()

    /// The copy for AVX2.
    static func kernelsForAVX2() -> KernelTable { swiftKernels }
  }
#endif
