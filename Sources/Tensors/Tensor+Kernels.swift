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

  /// A tensor that `body` computes from these elements in the type that they are computed in.
  func computing<Scalar: ArithmeticScalar>(
    _ type: Scalar.Type, shape: Shape, _ body: (UnsafePointer<Scalar>, UnsafeMutablePointer<Scalar>) -> Void
  ) -> Tensor {
    var result = Tensor(uninitialized: shape, as: type.scalarType)
    inArithmeticType.withElements(of: type) { x in
      result.withMutableElements(of: type) { body(x.baseAddress!, $0.baseAddress!) }
    }
    return result
  }

  /// A tensor that `body` computes from these elements and those of `other`, rounded into their type.
  ///
  /// - Precondition: both have the same scalar type.
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

  /// Runs `body` on these elements in the type that they are computed in, and rounds the result to their own.
  mutating func update<Scalar: ArithmeticScalar>(
    _ type: Scalar.Type, _ body: (UnsafeMutablePointer<Scalar>) -> Void
  ) {
    let ownType = scalarType
    // Neither conversion copies, and the update is in place, if the types are the same.
    self = inArithmeticType
    withMutableElements(of: type) { body($0.baseAddress!) }
    self = converted(to: ownType)
  }

  /// Runs `body` on these elements, as ``update(_:_:)``, and on the elements of `other`.
  ///
  /// - Precondition: both have the same scalar type.
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
        "Operands hold \(scalarType.rawValue) and \(other.scalarType.rawValue): convert one with converted(to:)."
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
        fatalError("Swift has no Float16 on Intel Macs.")
      #else
        return Float16.self
      #endif
    case .float32: return Float.self
    case .float64: return Double.self
    }
  }
}
