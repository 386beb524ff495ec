import KernelInterface

extension Tensor {
  /// The elements, for kernels to read. They are valid while a tensor keeps the memory.
  package var elements: Elements { Elements(memory, scalarType) }

  /// Returns the elements, for kernels to write. Only this tensor uses them, and they are valid until it is
  /// copied or released.
  package mutating func mutableElements() -> MutableElements { MutableElements(mutableMemory(), scalarType) }

  /// Returns the elements, for kernels to write, with the tensor's stamps before and after this access.
  package mutating func mutableElementsWithStamps() -> (
    MutableElements, before: MutationStamp?, after: MutationStamp?
  ) {
    let before = mutationStamp
    let elements = mutableElements()
    return (elements, before, mutationStamp)
  }

  /// This tensor in the type that it is computed in, which is its own type unless it has 16 bits.
  var inArithmeticType: Tensor { converted(to: scalarType.arithmeticType) }

  /// Returns a tensor that `body` computes from these elements, in the type that they are computed in.
  func computing<Scalar: ArithmeticScalar>(
    _ type: Scalar.Type, shape: Shape, _ body: (UnsafePointer<Scalar>, UnsafeMutablePointer<Scalar>) -> Void
  ) -> Tensor {
    var result = Tensor(uninitialized: shape, as: type.scalarType)
    inArithmeticType.withElements(of: type) { x in
      result.withMutableElements(of: type) { body(x.baseAddress!, $0.baseAddress!) }
    }
    return result
  }

  /// Returns a tensor that `body` computes from these elements and the elements of `other`, rounded to their
  /// type.
  ///
  /// - Precondition: Both tensors have the same scalar type.
  func computing<Scalar: ArithmeticScalar>(
    _ type: Scalar.Type, with other: Tensor, shape: Shape,
    _ body: (UnsafePointer<Scalar>, UnsafePointer<Scalar>, UnsafeMutablePointer<Scalar>) -> Void
  ) -> Tensor {
    requireSameType(as: other)
    let result = other.inArithmeticType.withElements(of: type) { y in
      computing(type, shape: shape) { x, out in body(x, y.baseAddress!, out) }
    }
    return result.converted(to: scalarType)
  }

  /// Runs `body` on these elements in the type that they are computed in, and rounds the result to their own
  /// type.
  mutating func update<Scalar: ArithmeticScalar>(
    _ type: Scalar.Type, _ body: (UnsafeMutablePointer<Scalar>) -> Void
  ) {
    let ownType = scalarType
    // If the types are the same, neither conversion copies and the update is in place.
    self = inArithmeticType
    withMutableElements(of: type) { body($0.baseAddress!) }
    self = converted(to: ownType)
  }

  /// Runs `body` on these elements, as ``update(_:_:)`` does, and on the elements of `other`.
  ///
  /// - Precondition: Both tensors have the same scalar type.
  mutating func update<Scalar: ArithmeticScalar>(
    _ type: Scalar.Type, with other: Tensor,
    _ body: (UnsafeMutablePointer<Scalar>, UnsafePointer<Scalar>) -> Void
  ) {
    requireSameType(as: other)
    other.inArithmeticType.withElements(of: type) { y in update(type) { body($0, y.baseAddress!) } }
  }

  func requireSameType(as other: Tensor) {
    guard scalarType == other.scalarType else {
      fatalError(
        "Operands have the types \(scalarType.rawValue) and \(other.scalarType.rawValue): convert one with "
          + "converted(to:)."
      )
    }
  }

  func requireSameShape(as other: Tensor) {
    guard shape == other.shape else {
      fatalError("Operands have the shapes \(shape) and \(other.shape), which must be equal.")
    }
  }
}

extension ArithmeticScalar {
  /// The linear algebra of the current backend.
  static var linearAlgebra: LinearAlgebraKernels<Self> { linearAlgebra(of: Backend.default.kernels) }
}

extension ScalarType {
  /// The Swift type that corresponds to this type.
  package var swiftType: any TensorScalar.Type {
    switch self {
    case .bfloat16: return BFloat16.self
    case .float16:
      #if (os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64)
        fatalError("Swift has no Float16 on Intel Macs.")
      #else
        return Float16.self
      #endif
    case .float32: return Float.self
    case .float64: return Double.self
    }
  }
}
