@_exported public import Backends

/// An array of numbers with a shape and a scalar type that are known at run time.
///
/// Elements are contiguous in row-major order, at an address that is a multiple of 64 unless the memory was
/// adopted. A tensor is a value: copies share memory until one of them is written to, which then copies it.
///
///     var weights = Tensor(zeros: [2, 3])
///     weights[0, 2] = 1.5
///     let product = weights.matmul(inputs)
///
/// Arithmetic on 16-bit types is done in Float32 and rounded once into the result. Operations on tensors of
/// different scalar types trap: convert one with ``converted(to:)``. Operations run on the backend
/// ``Backend/default``.
public struct Tensor: Sendable {
  /// The dimensions.
  public private(set) var shape: Shape

  /// The type of the elements.
  public private(set) var scalarType: ScalarType

  private var storage: TensorStorage

  /// Creates a tensor with uninitialized elements.
  package init(uninitialized shape: Shape, as scalarType: ScalarType) {
    self.shape = shape
    self.scalarType = scalarType
    storage = TensorStorage(byteCount: Self.byteCount(shape, scalarType))
  }

  /// Creates a tensor in existing memory, which `deallocator` releases when no tensor uses it any more.
  ///
  /// While only this tensor uses the memory, writes go to it. If a copy shares it, a write moves the tensor
  /// that is written to into new memory. Nothing else may write to the memory while a tensor reads or writes
  /// it.
  ///
  /// - Precondition: `memory` is aligned for the scalar type and holds `shape.elementCount` elements.
  public init(
    bytesNoCopy memory: UnsafeMutableRawPointer, shape: Shape, as scalarType: ScalarType,
    deallocator: @escaping @Sendable () -> Void
  ) {
    guard UInt(bitPattern: memory) % UInt(scalarType.byteCount) == 0 else {
      fatalError(
        "Memory at \(memory) is not aligned for \(scalarType.rawValue), which needs a multiple of "
          + "\(scalarType.byteCount)."
      )
    }
    self.shape = shape
    self.scalarType = scalarType
    storage = TensorStorage(
      adopting: memory, byteCount: Self.byteCount(shape, scalarType), deallocator: deallocator)
  }

  private static func byteCount(_ shape: Shape, _ scalarType: ScalarType) -> Int {
    let (count, overflow) = shape.elementCount.multipliedReportingOverflow(by: scalarType.byteCount)
    guard !overflow else {
      fatalError("A tensor of shape \(shape) and type \(scalarType.rawValue) has more than \(Int.max) bytes.")
    }
    return count
  }

  /// The number of elements.
  public var elementCount: Int { shape.elementCount }

  /// The number of bytes that the elements take.
  public var byteCount: Int { storage.byteCount }

  /// Returns this tensor's elements with another shape, in the same order and the same memory.
  ///
  /// - Precondition: `shape` has the same number of elements.
  public func reshaped(to shape: Shape) -> Tensor {
    guard shape.elementCount == elementCount else {
      fatalError(
        "A tensor of shape \(self.shape) has \(elementCount) elements; the shape \(shape) needs "
          + "\(shape.elementCount)."
      )
    }
    var result = self
    result.shape = shape
    return result
  }

  // MARK: Memory

  /// Whether the elements can be written only through tensors, so that derived values may be kept.
  package var ownsMemory: Bool { storage.ownsMemory }

  /// A stamp that equals an earlier one exactly if nobody got these elements for writing in between. `nil`
  /// for adopted memory, because other code may write to it.
  package var mutationStamp: MutationStamp? { storage.stamp }

  /// The elements' memory for reading. It is valid while a tensor keeps it.
  package var memory: UnsafeRawPointer { UnsafeRawPointer(storage.memory) }

  /// Returns the elements' memory for writing. Only this tensor uses it from here on, and it is valid until
  /// the tensor is copied or released.
  package mutating func mutableMemory() -> UnsafeMutableRawPointer {
    if !isKnownUniquelyReferenced(&storage) { storage = storage.copy() }
    storage.mutationCount &+= 1
    return storage.memory
  }

  /// Calls `body` with the elements as bytes.
  package func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeRawBufferPointer(start: storage.memory, count: storage.byteCount))
  }

  /// Calls `body` with the elements as bytes that can be written.
  package mutating func withUnsafeMutableBytes<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let memory = mutableMemory()
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeMutableRawBufferPointer(start: memory, count: storage.byteCount))
  }
}

// MARK: Equality

extension Tensor: Equatable {
  /// Returns whether shapes, scalar types and all elements are equal. NaN equals nothing, and 0 equals −0.
  public static func == (left: Tensor, right: Tensor) -> Bool {
    guard left.shape == right.shape, left.scalarType == right.scalarType else { return false }
    let (x, y) = (left.inArithmeticType, right.inArithmeticType)
    func equal<Scalar: TensorScalar>(_ type: Scalar.Type) -> Bool {
      x.withElements(of: type) { x in y.withElements(of: type) { y in x.elementsEqual(y) } }
    }
    // The type is written out, so that the comparison is compiled for it.
    return x.scalarType == .float64 ? equal(Double.self) : equal(Float.self)
  }
}
