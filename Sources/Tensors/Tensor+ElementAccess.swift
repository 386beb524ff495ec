extension Tensor {
  // MARK: Spans

  /// Calls `body` with all elements in row-major order, without copying them.
  ///
  /// - Precondition: The elements have this type. If data determine the type, call ``check(scalarType:)``
  ///   first.
  public func withSpan<Scalar: TensorScalar, Result: ~Copyable, Failure: Error>(
    of type: Scalar.Type, _ body: (Span<Scalar>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withElements(of: type) { elements throws(Failure) in try body(elements.span) }
  }

  /// Calls `body` with all elements in row-major order, to change them in place.
  ///
  /// - Precondition: The elements have this type. If data determine the type, call ``check(scalarType:)``
  ///   first.
  /// - Complexity: O(1), or O(n) if another tensor shares the memory.
  public mutating func withMutableSpan<Scalar: TensorScalar, Result: ~Copyable, Failure: Error>(
    of type: Scalar.Type, _ body: (inout MutableSpan<Scalar>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withMutableElements(of: type) { elements throws(Failure) in
      var span = elements.mutableSpan
      return try body(&span)
    }
  }

  /// Calls `body` with the elements in row-major order, for kernels.
  package func withElements<Scalar: TensorScalar, Result: ~Copyable, Failure: Error>(
    of type: Scalar.Type, _ body: (UnsafeBufferPointer<Scalar>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    requireScalarType(type.scalarType)
    return try withUnsafeBytes { bytes throws(Failure) in
      let start = bytes.baseAddress!.assumingMemoryBound(to: type)
      return try body(UnsafeBufferPointer(start: start, count: elementCount))
    }
  }

  /// Calls `body` with the elements in row-major order, for kernels to write.
  package mutating func withMutableElements<Scalar: TensorScalar, Result: ~Copyable, Failure: Error>(
    of type: Scalar.Type, _ body: (UnsafeMutableBufferPointer<Scalar>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    requireScalarType(type.scalarType)
    let count = elementCount
    return try withUnsafeMutableBytes { bytes throws(Failure) in
      let start = bytes.baseAddress!.assumingMemoryBound(to: type)
      return try body(UnsafeMutableBufferPointer(start: start, count: count))
    }
  }

  // MARK: Checks

  /// Throws if the elements do not have the type `expected`.
  public func check(scalarType expected: ScalarType) throws(TensorError) {
    if scalarType != expected { throw .scalarType(scalarType, expected: expected) }
  }

  /// Throws if the shape is not `expected`.
  public func check(shape expected: Shape) throws(TensorError) {
    if shape != expected { throw .shape(shape, expected: expected) }
  }

  func requireScalarType(_ expected: ScalarType) {
    guard scalarType == expected else {
      fatalError(TensorError.scalarType(scalarType, expected: expected).description)
    }
  }

  // MARK: Single elements

  /// The element at these indices, one per axis. Reading is exact, writing rounds to nearest.
  ///
  /// - Precondition: There is one index per axis, each within the axis.
  /// - Complexity: O(1) to read. To write, O(n) if another tensor shares the memory. For many elements, use
  ///   spans.
  public subscript(indices: Int...) -> Double {
    get { element(at: offset(of: indices)) }
    set {
      let offset = offset(of: indices)
      let type = scalarType
      withUnsafeMutableBytes { bytes in
        func store<Scalar: TensorScalar>(_ type: Scalar.Type) {
          bytes.storeBytes(of: Scalar(newValue), toByteOffset: offset * type.scalarType.byteCount, as: type)
        }
        store(type.swiftType)
      }
    }
  }

  /// Returns the element at an offset in row-major order.
  func element(at offset: Int) -> Double {
    withUnsafeBytes { bytes in
      func load<Scalar: TensorScalar>(_ type: Scalar.Type) -> Double {
        bytes.load(fromByteOffset: offset * type.scalarType.byteCount, as: type).doubleValue
      }
      return load(scalarType.swiftType)
    }
  }

  private func offset(of indices: [Int]) -> Int {
    guard indices.count == shape.rank else {
      fatalError("\(indices.count) indices \(indices) for a tensor of shape \(shape).")
    }
    var offset = 0
    for (index, dimension) in zip(indices, shape.dimensions) {
      guard (0..<dimension).contains(index) else {
        fatalError("The indices \(indices) are outside the shape \(shape).")
      }
      offset = offset * dimension + index
    }
    return offset
  }
}
