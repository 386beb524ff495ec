#if AVX2
  import CProcessor
  import KernelInterface
  import SwiftKernelsAVX2

  // In its own file, because both copies have the same names.
  extension SwiftKernelChoice {
    /// Whether this processor can run the copy for AVX2.
    package static let hasAVX2: Bool = processor_has_x86_64_v3()

    /// Returns the kernels of the copy for AVX2.
    static func kernelsForAVX2() -> KernelTable { swiftKernels }
  }
#endif
