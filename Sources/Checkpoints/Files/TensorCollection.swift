import Safetensors
import Tensors

/// Named tensors and integers with metadata: the contents of one safetensors file.
public struct TensorCollection: Sendable {
  /// The tensors by name.
  public var tensors: [String: Tensor]
  /// Single integers by name, stored as 64-bit scalars.
  public var integers: [String: Int]
  /// Free text by key.
  public var metadata: [String: String]

  /// Creates a collection. A name must not be both a tensor's and an integer's.
  public init(
    _ tensors: [String: Tensor] = [:], integers: [String: Int] = [:], metadata: [String: String] = [:]
  ) {
    self.tensors = tensors
    self.integers = integers
    self.metadata = metadata
  }

  // MARK: Reading

  /// Creates the contents of the file at `path`.
  ///
  /// - Throws: ``CheckpointError`` if the file cannot be read or breaks a rule of the format, or if it
  ///   contains tensors of types other than floating-point types and single 64-bit integers.
  public init(path: String) throws(CheckpointError) {
    let file = try Self.open(path)
    let parts = try Self.parts(of: file)
    self.init(file, parts)
  }

  /// Returns the contents of the file at `path`, and the checksum of all its bytes as they were read.
  static func readWithChecksum(
    _ path: String
  ) throws(CheckpointError) -> (collection: TensorCollection, checksum: UInt64) {
    let file = try open(path)
    let parts = try parts(of: file)
    var checksum = XXHash64()
    let header = try CheckpointError.wrapping(CheckpointError.safetensors, file.headerBytes)
    header.withUnsafeBytes { checksum.update($0) }
    // The format leaves no holes between tensors, so header and tensors are the whole file.
    for part in parts { part.withBytes { checksum.update($0) } }
    return (TensorCollection(file, parts), checksum.value)
  }

  /// The contents of a file under one name.
  private enum Part {
    case tensor(Tensor)
    case integer(Int64)

    /// Calls `body` with the bytes as they are in the file.
    func withBytes<Failure: Error>(
      _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
      switch self {
      case .tensor(let tensor): try tensor.withUnsafeBytes(body)
      case .integer(let integer): try withUnsafeBytes(of: integer, body)
      }
    }
  }

  private init(_ file: SafetensorsFile, _ parts: [Part]) {
    self.init(metadata: file.metadata)
    for (stored, part) in zip(file.tensors, parts) {
      switch part {
      case .tensor(let tensor): tensors[stored.name] = tensor
      case .integer(let integer): integers[stored.name] = Int(integer)
      }
    }
  }

  private static func open(_ path: String) throws(CheckpointError) -> SafetensorsFile {
    let file = try CheckpointError.wrapping(CheckpointError.safetensors) { () throws(SafetensorsError) in
      try SafetensorsFile(path: path)
    }
    var names = Set<String>()
    for stored in file.tensors {
      // A dictionary would keep only one of the two tensors.
      guard names.insert(stored.name).inserted else {
        throw .malformed(
          path: path, place: stored.name,
          problem: "another tensor's name differs only in its Unicode normal form; rename one of them")
      }
      guard stored.scalarType.scalarType != nil || stored.scalarType == .int64 && stored.shape.isEmpty else {
        throw .unsupportedTensor(
          path: path, tensor: stored.name, type: stored.scalarType, shape: stored.shape)
      }
    }
    return file
  }

  /// Reads all tensors, several at a time: most of the time is spent on the first touch of their memory.
  private static func parts(of file: SafetensorsFile) throws(CheckpointError) -> [Part] {
    var results = [Result<Part, SafetensorsError>?](repeating: nil, count: file.tensors.count)
    results.withUnsafeMutableBufferPointer { results in
      // Each index has a place of its own, which the thread sanitizer can check; it does not know `Mutex`.
      parallelFor(count: results.count, threads: processorCount) { _, index in
        results[index] = Result { () throws(SafetensorsError) in try part(file.tensors[index], of: file) }
      }
    }
    return try CheckpointError.wrapping(CheckpointError.safetensors) { () throws(SafetensorsError) in
      try results.map { (result) throws(SafetensorsError) in try result!.get() }
    }
  }

  private static func part(
    _ stored: SafetensorsTensor, of file: SafetensorsFile
  ) throws(SafetensorsError) -> Part {
    guard let type = stored.scalarType.scalarType else {
      return .integer(try file.bytes(of: stored.name).withUnsafeBytes { $0.loadUnaligned(as: Int64.self) })
    }
    var tensor = Tensor(uninitialized: Shape(stored.shape), as: type)
    try tensor.withUnsafeMutableBytes { (bytes) throws(SafetensorsError) in
      try file.read(stored.name, into: bytes)
    }
    return .tensor(tensor)
  }

  // MARK: Writing

  /// Writes the collection to a safetensors file at `path`. The file appears complete and flushed to disk, or
  /// not at all.
  ///
  /// - Throws: ``CheckpointError`` if the file cannot be written. Any file at the path is unchanged then.
  public func write(to path: String) throws(CheckpointError) {
    _ = try CheckpointError.wrapping(CheckpointError.safetensors) { () throws(SafetensorsError) in
      try write(to: path, system: .live)
    }
  }

  /// Writes the collection, and returns the checksum of the file.
  func write(to path: String, system: SystemCalls) throws(SafetensorsError) -> UInt64 {
    let descriptors =
      tensors.map { SafetensorsDescriptor($0, .init($1.scalarType), shape: $1.shape.dimensions) }
      + integers.keys.map { SafetensorsDescriptor($0, .int64, shape: []) }
    var writer = try SafetensorsWriter(path: path, tensors: descriptors, metadata: metadata, system: system)
    var checksum = XXHash64()
    try writer.header.serialized().withUnsafeBytes { checksum.update($0) }
    for stored in writer.tensors {
      let part = tensors[stored.name].map(Part.tensor) ?? .integer(Int64(integers[stored.name]!))
      try part.withBytes { (bytes) throws(SafetensorsError) in
        for start in stride(from: 0, to: bytes.count, by: Self.pieceByteCount) {
          let end = min(start + Self.pieceByteCount, bytes.count)
          let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
          checksum.update(piece)
          try writer.append(piece, to: stored.name)
        }
      }
    }
    try writer.commit()
    return checksum.value
  }

  /// The size of pieces, small enough that they are still in the cache for the write after the checksum.
  private static let pieceByteCount = 1 << 18
}
