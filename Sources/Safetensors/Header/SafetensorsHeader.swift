import ScalarTypes

/// The header of a safetensors file: its tensors in the order of their data, and its metadata.
///
/// A file is
///
///     8 bytes    n, the header's length, little-endian
///     n bytes    {"__metadata__": {"key": "value", …},
///                 "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}, then spaces
///     the rest   the tensors' elements, little-endian, row-major, without holes between tensors
///
/// Offsets count from the end of the header.
public struct SafetensorsHeader: Sendable, Equatable {
  /// The maximum length of a header, as in the Python package: 100 MB.
  public static let byteCountLimit = 100_000_000

  /// The number of bytes of the header's length, at the start of a file.
  static let lengthByteCount = 8
  /// The key that no tensor can have.
  static let metadataKey: ExactString = "__metadata__"

  /// The tensors in the order of their data.
  public let tensors: [SafetensorsTensor]
  /// Free text by key.
  public let metadata: [String: String]
  /// The indices in `tensors` by the bytes of the names.
  let places: [ExactString: Int]

  /// The number of bytes of all tensors.
  public var dataByteCount: Int { tensors.last?.byteRange.upperBound ?? 0 }

  /// Returns the tensor whose name has exactly these Unicode scalars, or `nil` if there is none.
  public func tensor(named name: String) -> SafetensorsTensor? {
    place(of: name).map { tensors[$0] }
  }

  func place(of name: String) -> Int? { places[ExactString(name)] }

  /// Returns the indices of tensors with different names.
  static func places(of tensors: [SafetensorsTensor]) -> [ExactString: Int] {
    Dictionary(uniqueKeysWithValues: zip(tensors.lazy.map { ExactString($0.name) }, tensors.indices))
  }
}

/// The order of the tensors in a file.
public enum SafetensorsOrder: Sendable, Hashable {
  /// From the most to the least strictly aligned type, then by the bytes of the name. This is the order of
  /// the Python package, in which every tensor is aligned to its elements.
  case byAlignment
  /// In the given order.
  case asGiven
}

extension SafetensorsHeader {
  /// Creates the header of a file with these tensors.
  ///
  /// - Throws: ``SafetensorsError`` if names repeat or are reserved, or if a size overflows or is not a whole
  ///   number of bytes.
  public init(
    _ descriptors: [SafetensorsDescriptor], metadata: [String: String] = [:],
    order: SafetensorsOrder = .byAlignment
  ) throws(SafetensorsError) {
    var tensors: [SafetensorsTensor] = []
    var places: [ExactString: Int] = [:]
    tensors.reserveCapacity(descriptors.count)
    places.reserveCapacity(descriptors.count)
    var begin = 0
    let types = SafetensorsScalarType.allCases
    let alignments = Dictionary(uniqueKeysWithValues: zip(types, types.indices))
    let byAlignment = { (left: SafetensorsDescriptor, right: SafetensorsDescriptor) in
      left.scalarType == right.scalarType
        ? left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
        : alignments[left.scalarType]! > alignments[right.scalarType]!
    }
    for descriptor in order == .byAlignment ? descriptors.sorted(by: byAlignment) : descriptors {
      let name = descriptor.name
      guard ExactString(name) != Self.metadataKey else { throw SafetensorsError(.reservedName(name)) }
      let (end, overflows) = begin.addingReportingOverflow(try descriptor.byteCount())
      guard !overflows else { throw SafetensorsError(.sizeOverflow(tensor: name, shape: descriptor.shape)) }
      guard places.updateValue(tensors.count, forKey: ExactString(name)) == nil else {
        throw SafetensorsError(.duplicateTensor(name))
      }
      tensors.append(SafetensorsTensor(descriptor: descriptor, byteRange: begin..<end))
      begin = end
    }
    self.init(tensors: tensors, metadata: metadata, places: places)
  }
}
