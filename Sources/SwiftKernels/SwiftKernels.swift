import KernelInterface

/// The kernels in pure Swift.
package struct SwiftKernels: SwiftKernelPath {
  /// The kernels have no state.
  package init() {}
}
