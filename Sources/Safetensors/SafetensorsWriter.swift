/// Writes a safetensors file tensor by tensor, completely or in part, in any order.
///
///     var writer = try SafetensorsWriter(
///       path: "model.safetensors",
///       tensors: [SafetensorsDescriptor("weight", .float32, shape: [2, 3])])
///     try writer.append(weight.span.bytes, to: "weight")
///     try writer.commit()
///
/// The file appears at its path, complete and flushed to disk, when ``commit()`` returns. It may replace a
/// file that tensors are being read from. If a writer ends without ``commit()``, the path is unchanged. A
/// symbolic link is followed. A pipe or a device receives the whole file when ``commit()`` is called.
///
/// The same tensors and metadata give the same bytes, regardless of the order of the calls.
public struct SafetensorsWriter: ~Copyable, Sendable {
  /// The header.
  public let header: SafetensorsHeader
  private let replacement: FileReplacement
  private let dataOffset: Int
  /// The number of bytes that each tensor has received.
  private var suppliedByteCounts: [Int]

  /// Begins a file at `path` that will hold these tensors.
  ///
  /// - Throws: ``SafetensorsError`` if one file cannot hold the tensors, or if no file can be created at
  ///   `path`.
  public init(
    path: String, tensors: [SafetensorsDescriptor], metadata: [String: String] = [:],
    order: SafetensorsOrder = .byAlignment
  ) throws(SafetensorsError) {
    try self.init(path: path, tensors: tensors, metadata: metadata, order: order, system: .live)
  }

  package init(
    path: String, tensors: [SafetensorsDescriptor], metadata: [String: String] = [:],
    order: SafetensorsOrder = .byAlignment, system: SystemCalls
  ) throws(SafetensorsError) {
    try self.init(
      SafetensorsError.naming(path) { () throws(FileError) in try FileReplacement(of: path, system: system) },
      tensors: tensors, metadata: metadata, order: order)
  }

  /// Begins a file that replaces another one, by itself or in a transaction.
  package init(
    _ replacement: consuming FileReplacement, tensors: [SafetensorsDescriptor], metadata: [String: String],
    order: SafetensorsOrder
  ) throws(SafetensorsError) {
    let path = replacement.path
    let (header, start) = try SafetensorsError.naming(path) { () throws(SafetensorsError) in
      let header = try SafetensorsHeader(tensors, metadata: metadata, order: order)
      return (header, try header.serialized())
    }
    try SafetensorsError.naming(path) { () throws(FileError) in
      try start.span.bytes.withUnsafeBytes { (bytes) throws(FileError) in try replacement.write(bytes, at: 0)
      }
    }
    self.replacement = replacement
    self.header = header
    dataOffset = start.count
    suppliedByteCounts = Array(repeating: 0, count: tensors.count)
  }

  /// The tensors in the order of their data.
  public var tensors: [SafetensorsTensor] { header.tensors }

  /// Writes the next bytes of the tensor with this name: little-endian, row-major.
  ///
  /// - Throws: ``SafetensorsError`` if there is no such tensor, if it would receive more bytes than it has,
  ///   or if they cannot be written.
  public mutating func append(_ bytes: RawSpan, to name: String) throws(SafetensorsError) {
    try bytes.withUnsafeBytes { (bytes) throws(SafetensorsError) in try append(bytes, to: name) }
  }

  /// Writes the next bytes of the tensor with this name, from memory that has no span.
  package mutating func append(_ bytes: UnsafeRawBufferPointer, to name: String) throws(SafetensorsError) {
    guard let place = header.place(of: name) else {
      throw SafetensorsError(.noSuchTensor(name), path: replacement.path)
    }
    let range = header.tensors[place].byteRange
    let supplied = suppliedByteCounts[place] + bytes.count
    guard supplied <= range.count else {
      throw SafetensorsError(
        .excessBytes(tensor: name, byteCount: range.count, supplied: supplied), path: replacement.path)
    }
    let offset = dataOffset + range.lowerBound + suppliedByteCounts[place]
    try SafetensorsError.naming(replacement.path) { () throws(FileError) in
      try replacement.write(bytes, at: offset)
    }
    suppliedByteCounts[place] = supplied
  }

  /// Puts the file in place, flushed to disk.
  ///
  /// - Throws: ``SafetensorsError`` if a tensor lacks bytes or the system refuses an operation. The path is
  ///   unchanged then. If only the last operation fails, flushing the directory, the new file is in place,
  ///   but a loss of power may bring the old one back.
  public consuming func commit() throws(SafetensorsError) {
    let path = replacement.path
    let replacement = try finished()
    do {
      try replacement.commit()
    } catch {
      throw SafetensorsError(.file(error), path: path)
    }
  }

  /// Returns the file with all its bytes, for a transaction.
  package consuming func finished() throws(SafetensorsError) -> FileReplacement {
    for (tensor, supplied) in zip(header.tensors, suppliedByteCounts) where supplied < tensor.byteRange.count
    {
      throw SafetensorsError(
        .missingBytes(tensor: tensor.name, byteCount: tensor.byteRange.count, supplied: supplied),
        path: replacement.path)
    }
    return replacement
  }
}
