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
  /// A product of lengths that overflows is refused even if another length is 0, as numpy does: then no
  /// product of some of the lengths can overflow.
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

extension String {
  /// The UTF-8 of a name, which equals only the same bytes.
  var bytes: [UInt8] { Array(utf8) }
}
