/// A tensor to be stored: its name, its type and its shape.
public struct SafetensorsDescriptor: Hashable, Sendable {
  /// The name, unique in a file.
  public var name: String
  /// The type of the elements.
  public var scalarType: SafetensorsScalarType
  /// The lengths of the axes, slowest first; empty for a scalar.
  public var shape: [Int]

  /// A tensor of this name, type and shape.
  ///
  /// - Precondition: no length in `shape` is negative.
  public init(_ name: String, _ scalarType: SafetensorsScalarType, shape: [Int]) {
    guard (shape.allSatisfy { $0 >= 0 }) else {
      fatalError("tensor \(name.debugDescription) has the shape \(shape)")
    }
    self.name = name
    self.scalarType = scalarType
    self.shape = shape
  }

  /// The bytes that all elements take together.
  ///
  /// A product of lengths that overflows is refused even if another length is 0, as numpy and torch do: then
  /// no product of some of the lengths can overflow.
  func byteCount() throws(SafetensorsError) -> Int {
    var bitCount = scalarType.bitCount
    for length in shape where length != 0 {
      let (product, overflows) = bitCount.multipliedReportingOverflow(by: length)
      guard !overflows else { throw SafetensorsError(.sizeOverflow(tensor: name, shape: shape)) }
      bitCount = product
    }
    if shape.contains(0) { return 0 }
    guard bitCount.isMultiple(of: 8) else {
      throw SafetensorsError(.partialByte(tensor: name, scalarType: scalarType, shape: shape))
    }
    return bitCount / 8
  }
}

/// A tensor in a file: a ``SafetensorsDescriptor`` and the place of its bytes.
public struct SafetensorsTensor: Hashable, Sendable {
  /// Name, type and shape.
  public let descriptor: SafetensorsDescriptor
  /// Where the bytes are, counted from the end of the header.
  public let byteRange: Range<Int>

  /// The name, unique in the file.
  public var name: String { descriptor.name }
  /// The type of the elements.
  public var scalarType: SafetensorsScalarType { descriptor.scalarType }
  /// The lengths of the axes, slowest first; empty for a scalar.
  public var shape: [Int] { descriptor.shape }
  /// The number of elements: the product of `shape`, 1 for a scalar.
  public var elementCount: Int { shape.reduce(1, *) }
}
