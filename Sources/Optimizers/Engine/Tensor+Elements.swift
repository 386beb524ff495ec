import KernelInterface
import Tensors

extension Tensor {
  /// The elements, for kernels to read: valid while a tensor keeps the memory.
  var elements: Elements { Elements(memory, scalarType) }

  /// The elements, for kernels to write: this tensor's alone, valid until it is copied or goes away.
  mutating func mutableElements() -> MutableElements { MutableElements(mutableMemory(), scalarType) }
}
