#if OpenBLAS
  import COpenBLAS
  import Kernels
  import SwiftKernels

  /// The kernels on cblas; what BLAS lacks comes from `SwiftKernels`.
  package struct OpenBLASKernels: KernelPath {
    /// What BLAS lacks.
    let swift = SwiftKernels()

    /// The kernels have no state.
    package init() {}

    package var kind: KernelPathKind { .openBLAS }
  }
#endif
