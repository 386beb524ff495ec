/// The description of a tensor to store: its name, its type and its shape.
public struct SafetensorsDescriptor: Hashable, Sendable {
  /// The name, unique in a file.
  public var name: String
  /// The type of the elements.
  public var scalarType: SafetensorsScalarType
  /// The lengths of the axes, slowest first; empty for a scalar.
  public var shape: [Int]

  /// Creates the description of a tensor with this name, type and shape.
  ///
  /// - Precondition: No length in `shape` is negative.
  public init(_ name: String, _ scalarType: SafetensorsScalarType, shape: [Int]) {
    guard (shape.allSatisfy { $0 >= 0 }) else {
      fatalError("tensor \(name.debugDescription) has the shape \(shape)")
    }
    self.name = name
    self.scalarType = scalarType
    self.shape = shape
  }

  /// Returns the number of bytes of all elements.
  ///
  /// If the product of the nonzero lengths overflows, this throws even if another length is 0, as numpy does:
  /// no product of some of the lengths can then overflow elsewhere.
  func byteCount() throws(SafetensorsError) -> Int {
    func product(_ count: Int, _ factor: Int) throws(SafetensorsError) -> Int {
      let (product, overflows) = count.multipliedReportingOverflow(by: factor)
      guard !overflows else { throw SafetensorsError(.sizeOverflow(tensor: name, shape: shape)) }
      return product
    }
    var elementCount = 1
    for length in shape where length != 0 { elementCount = try product(elementCount, length) }
    if shape.contains(0) { return 0 }
    let bitCount = try product(elementCount, scalarType.bitCount)
    guard bitCount.isMultiple(of: 8) else {
      throw SafetensorsError(.partialByte(tensor: name, scalarType: scalarType, shape: shape))
    }
    return bitCount / 8
  }
}

/// A tensor in a file: a ``SafetensorsDescriptor`` and the range of its bytes.
public struct SafetensorsTensor: Hashable, Sendable {
  /// Name, type and shape.
  public let descriptor: SafetensorsDescriptor
  /// The range of the bytes, counted from the end of the header.
  public let byteRange: Range<Int>

  /// The name, unique in the file.
  public var name: String { descriptor.name }
  /// The type of the elements.
  public var scalarType: SafetensorsScalarType { descriptor.scalarType }
  /// The lengths of the axes, slowest first; empty for a scalar.
  public var shape: [Int] { descriptor.shape }
  /// The number of elements: the product of `shape`, which is 1 for a scalar.
  public var elementCount: Int { shape.reduce(1, *) }
}

extension String {
  /// The UTF-8 of a name, for comparisons by bytes.
  var bytes: [UInt8] { Array(utf8) }
}
