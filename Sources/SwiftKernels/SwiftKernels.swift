import Kernels

/// The kernels in pure Swift.
package struct SwiftKernels: KernelPath {
  /// The kernels have no state.
  package init() {}

  package var kind: KernelPathKind { .swift }
}
