import Safetensors
import Tensors

/// Named tensors and integers with metadata: what one safetensors file holds.
public struct TensorCollection: Sendable {
  /// The tensors by name.
  public var tensors: [String: Tensor]
  /// Single integers by name, stored as scalars of 64 bits.
  public var integers: [String: Int]
  /// Free text by key.
  public var metadata: [String: String]

  /// A collection; names must not occur among tensors and integers both.
  public init(
    _ tensors: [String: Tensor] = [:], integers: [String: Int] = [:], metadata: [String: String] = [:]
  ) {
    self.tensors = tensors
    self.integers = integers
    self.metadata = metadata
  }
}

// MARK: Reading

extension TensorCollection {
  /// What the file at `path` holds.
  ///
  /// - Throws: ``CheckpointError`` for a file that cannot be read or breaks a rule of the format, and for
  ///   tensors of other types than floating-point and single integers of 64 bits.
  public init(path: String) throws(CheckpointError) {
    do {
      try self.init(SafetensorsFile(path: path))
    } catch let error as SafetensorsError {
      throw .safetensors(error)
    } catch let error as CheckpointError {
      throw error
    } catch {
      preconditionFailure("\(error)")
    }
  }

  private init(_ file: SafetensorsFile) throws {
    self.init(metadata: file.metadata)
    for stored in file.tensors {
      if let type = stored.scalarType.scalarType {
        var tensor = Tensor(uninitialized: Shape(stored.shape), as: type)
        try tensor.withUnsafeMutableBytes { bytes in try file.read(stored.name, into: bytes) }
        tensors[stored.name] = tensor
      } else if stored.scalarType == .int64 && stored.shape.isEmpty {
        let bytes = try file.bytes(of: stored.name)
        integers[stored.name] = Int(bytes.withUnsafeBytes { $0.loadUnaligned(as: Int64.self) })
      } else {
        throw CheckpointError.unsupportedTensor(
          path: file.path, tensor: stored.name, type: stored.scalarType, shape: stored.shape)
      }
    }
  }
}

// MARK: Writing

extension TensorCollection {
  /// Writes everything to a safetensors file at `path`, which appears there whole and flushed to disk, or not
  /// at all.
  public func write(to path: String) throws(CheckpointError) {
    do {
      _ = try write(to: path, system: .live)
    } catch {
      throw .safetensors(error)
    }
  }

  /// Writes everything, and gives the checksum of the file.
  func write(to path: String, system: SystemCalls) throws(SafetensorsError) -> UInt64 {
    let descriptors =
      tensors.map { SafetensorsDescriptor($0, .init($1.scalarType), shape: $1.shape.dimensions) }
      + integers.keys.map { SafetensorsDescriptor($0, .int64, shape: []) }
    var writer = try SafetensorsWriter(path: path, tensors: descriptors, metadata: metadata, system: system)
    var checksum = XXHash64()
    try writer.header.serialized().withUnsafeBytes { checksum.update($0) }
    for stored in writer.tensors {
      if let tensor = tensors[stored.name] {
        try tensor.withUnsafeBytes { (bytes) throws(SafetensorsError) in
          try Self.append(bytes, to: stored.name, &writer, &checksum)
        }
      } else if let integer = integers[stored.name] {
        var word = Int64(integer)
        try withUnsafeMutableBytes(of: &word) { (bytes) throws(SafetensorsError) in
          try Self.append(UnsafeRawBufferPointer(bytes), to: stored.name, &writer, &checksum)
        }
      }
    }
    try writer.commit()
    return checksum.value
  }

  /// Pieces small enough that the checksum leaves them in the cache for the write.
  private static let pieceByteCount = 1 << 18

  private static func append(
    _ bytes: UnsafeRawBufferPointer, to name: String, _ writer: inout SafetensorsWriter,
    _ checksum: inout XXHash64
  ) throws(SafetensorsError) {
    for start in stride(from: 0, to: bytes.count, by: pieceByteCount) {
      let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + pieceByteCount, bytes.count)])
      checksum.update(piece)
      try writer.append(piece, to: name)
    }
  }
}
