import KernelInterface
import Tensors

#if OpenBLAS
  import OpenBLASKernels
#endif

// A backend's table consists of the Swift kernels, some of which it replaces with its own. A test of a kernel
// runs on the Swift backend and on every backend that overrides the kernel, so that no kernel is tested
// twice.
//
// No backend overrides the kernels of AdamW and of conversion, so their tests run only on the Swift backend.
// The Swift backend is the copy for the processor in use. `KernelCopiesTests` compares it with the other
// copy.

extension Backend {
  /// Returns the Swift backend, and every backend that overrides one of these kernels of Adafactor.
  static func implementing(_ entries: [PartialKeyPath<AdafactorKernels>]) -> [Backend] {
    available.filter { $0 == .swift || !$0.adafactorEntries.isDisjoint(with: entries) }
  }

  /// Returns the Swift backend, and every backend that overrides one of these kernels of linear algebra.
  static func implementing(_ entries: [PartialKeyPath<LinearAlgebraKernels<Float>>]) -> [Backend] {
    available.filter { $0 == .swift || !$0.linearAlgebraEntries.isDisjoint(with: entries) }
  }

  /// The kernels of Adafactor that this backend overrides, for any types.
  private var adafactorEntries: Set<PartialKeyPath<AdafactorKernels>> {
    #if OpenBLAS
      if self == .openBLAS {
        return Set(adafactorOverrides(SwiftKernelChoice.kernels, .float32, .float32).map(\.entry))
      }
    #endif
    return []
  }

  /// The kernels of linear algebra that this backend overrides, identified by those for `Float`.
  private var linearAlgebraEntries: Set<PartialKeyPath<LinearAlgebraKernels<Float>>> {
    #if OpenBLAS
      if self == .openBLAS {
        return Set(linearAlgebraOverrides(SwiftKernelChoice.kernels.float32).map(\.entry))
      }
    #endif
    return []
  }
}
