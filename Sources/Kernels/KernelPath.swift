/// One implementation of every kernel: pure Swift, or OpenBLAS with Swift where BLAS has nothing.
///
/// Both compute the same quantities; each gives the same bits whatever the number of threads.
package protocol KernelPath: LinearAlgebraKernels, AdafactorKernels, AdamWKernels, Sendable {
  /// Which path this is.
  var kind: KernelPathKind { get }
}

/// The kernel paths there are.
public enum KernelPathKind: String, Sendable, Hashable, Codable, CaseIterable {
  /// Kernels on cblas, in builds with the trait `OpenBLAS`.
  case openBLAS = "openblas"
  /// Kernels in Swift alone, in every build.
  case swift
}
