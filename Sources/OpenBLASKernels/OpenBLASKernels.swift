#if OpenBLAS
  import KernelInterface

  /// The kernels on cblas; what BLAS lacks comes from `SwiftKernels`.
  package struct OpenBLASKernels: KernelPath {
    /// What BLAS lacks.
    let swift: any SwiftKernelPath

    /// The kernels, with the Swift kernels that suit the processor.
    package init(swift: any SwiftKernelPath) {
      self.swift = swift
    }
  }
#endif
