import KernelInterface

extension Tensor {
  /// The elements, for kernels to read: valid while a tensor keeps the memory.
  package var elements: Elements { Elements(memory, scalarType) }

  /// The elements, for kernels to write: this tensor's only, valid until it is copied or released.
  package mutating func mutableElements() -> MutableElements { MutableElements(mutableMemory(), scalarType) }

  /// The elements, for kernels to write, with the tensor's stamps before and after they were given out.
  package mutating func mutableElementsWithStamps() -> (
    MutableElements, before: MutationStamp?, after: MutationStamp?
  ) {
    let before = mutationStamp
    let elements = mutableElements()
    return (elements, before, mutationStamp)
  }

  /// This tensor in the type that it is computed in: itself, unless its type has 16 bits.
  var inArithmeticType: Tensor { converted(to: scalarType.arithmeticType) }
}

extension ArithmeticScalar {
  /// Linear algebra on the current backend.
  static var linearAlgebra: LinearAlgebraKernels<Self> { linearAlgebra(of: Backend.default.kernels) }
}

extension ScalarType {
  /// The Swift type of this name.
  package var swiftType: any TensorScalar.Type {
    switch self {
    case .bfloat16: return BFloat16.self
    case .float16:
      #if (os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64)
        preconditionFailure("Swift has no Float16 on Intel Macs.")
      #else
        return Float16.self
      #endif
    case .float32: return Float.self
    case .float64: return Double.self
    }
  }
}
