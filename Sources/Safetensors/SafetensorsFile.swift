import CLibrary
import ScalarTypes

#if _endian(big)
  #error("The format is little-endian, and values are read and written as they are in memory.")
#endif

/// A safetensors file that is open for reading.
///
/// Opening reads and checks only the header. Tensors are read on request, completely or in part:
///
///     let file = try SafetensorsFile(path: "model.safetensors")
///     for tensor in file.tensors {
///       print(tensor.name, tensor.scalarType, tensor.shape)
///     }
///     let weight = try file.values(of: "hidden.weight", as: Float.self)
///
/// Reads are positioned, so several threads can read at the same time. If the file is shortened in the
/// meantime, reading throws an error. If its bytes are changed, reads return the new bytes. If it is
/// replaced, as ``SafetensorsWriter`` does, reads return the old contents.
public final class SafetensorsFile: Sendable {
  /// The path that the file was opened at.
  public let path: String
  /// The header.
  public let header: SafetensorsHeader
  /// The size of the file when it was opened.
  public let byteCount: Int
  let descriptor: FileDescriptor

  /// Opens the file at `path` and checks its header against its size.
  ///
  /// - Throws: ``SafetensorsError`` if the file cannot be read or breaks a rule of the format.
  public convenience init(path: String) throws(SafetensorsError) {
    try self.init(path: path, system: .live)
  }

  package init(path: String, system: SystemCalls) throws(SafetensorsError) {
    // Without O_NONBLOCK, opening a pipe would wait for a writer. Regular files ignore the flag.
    descriptor = try SafetensorsError.naming(path) { () throws(FileError) in
      try FileDescriptor(opening: path, path: path, flags: O_RDONLY | O_NONBLOCK, to: "open", system: system)
    }
    self.path = path
    let byteCount = try descriptor.regularFileByteCount()
    self.byteCount = byteCount
    let lengthByteCount = SafetensorsHeader.lengthByteCount
    let prefix: [UInt8] = try descriptor.elements(0..<min(lengthByteCount, byteCount))
    let jsonByteCount = try SafetensorsError.naming(path) { () throws(SafetensorsError) in
      try SafetensorsHeader.jsonByteCount(prefix: prefix, fileByteCount: byteCount)
    }
    let start: [UInt8] = try descriptor.elements(0..<lengthByteCount + jsonByteCount)
    header = try SafetensorsError.naming(path) { () throws(SafetensorsError) in
      try SafetensorsHeader(fileBytes: start, fileByteCount: byteCount)
    }
  }

  /// The tensors in the order of their data.
  public var tensors: [SafetensorsTensor] { header.tensors }

  /// Free text by key.
  public var metadata: [String: String] { header.metadata }

  // MARK: Reading

  /// Returns the bytes before the data, as they are in the file.
  package func headerBytes() throws(SafetensorsError) -> [UInt8] {
    try descriptor.elements(0..<byteCount - header.dataByteCount)
  }

  /// Returns the bytes of the tensor with this name, or of a part of it.
  ///
  /// - Parameters:
  ///   - name: The tensor's name.
  ///   - range: The part, counted from the tensor's first byte, or `nil` for the whole tensor.
  /// - Precondition: `range` is within the tensor.
  /// - Throws: ``SafetensorsError`` if there is no such tensor, or if its bytes cannot be read.
  public func bytes(of name: String, _ range: Range<Int>? = nil) throws(SafetensorsError) -> [UInt8] {
    try descriptor.elements(fileRange(of: name, range))
  }

  /// Fills `buffer` with bytes of the tensor with this name.
  ///
  /// - Parameters:
  ///   - name: The tensor's name.
  ///   - offset: The offset of the first byte to read, counted from the tensor's first byte.
  ///   - buffer: The memory to fill. Its size is the number of bytes that are read.
  /// - Precondition: `buffer` is not longer than the rest of the tensor from `offset`.
  /// - Throws: ``SafetensorsError`` if there is no such tensor, or if its bytes cannot be read.
  public func read(
    _ name: String, from offset: Int = 0, into buffer: inout MutableRawSpan
  ) throws(SafetensorsError) {
    try buffer.withUnsafeMutableBytes { (bytes) throws(SafetensorsError) in
      try read(name, from: offset, into: bytes)
    }
  }

  /// Fills memory with bytes of the tensor with this name, without a copy.
  package func read(
    _ name: String, from offset: Int = 0, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SafetensorsError) {
    try descriptor.read(fileRange(of: name, offset..<offset + buffer.count), into: buffer)
  }

  /// Returns the elements of the tensor with this name.
  ///
  /// - Throws: ``SafetensorsError`` if there is no such tensor, if it has elements of another type, or if it
  ///   cannot be read.
  public func values<Scalar: TensorScalar>(
    of name: String, as type: Scalar.Type
  ) throws(SafetensorsError) -> [Scalar] {
    let tensor = try tensor(named: name)
    let requested = SafetensorsScalarType(Scalar.scalarType)
    guard tensor.scalarType == requested else {
      throw SafetensorsError(
        .wrongScalarType(tensor: name, stored: tensor.scalarType, requested: requested), path: path)
    }
    return try descriptor.elements(fileRange(of: name, nil))
  }

  private func tensor(named name: String) throws(SafetensorsError) -> SafetensorsTensor {
    guard let tensor = header.tensor(named: name) else {
      throw SafetensorsError(.noSuchTensor(name), path: path)
    }
    return tensor
  }

  /// Returns the range of the file that a part of a tensor takes.
  private func fileRange(of name: String, _ range: Range<Int>?) throws(SafetensorsError) -> Range<Int> {
    let tensor = try tensor(named: name)
    let part = range ?? 0..<tensor.byteRange.count
    guard part.lowerBound >= 0 && part.upperBound <= tensor.byteRange.count else {
      fatalError("bytes \(part) of tensor \(name.debugDescription), which has \(tensor.byteRange.count)")
    }
    let begin = byteCount - header.dataByteCount + tensor.byteRange.lowerBound
    return begin + part.lowerBound..<begin + part.upperBound
  }
}

extension FileDescriptor {
  /// Returns the size of a regular file.
  func regularFileByteCount() throws(SafetensorsError) -> Int {
    let status = try SafetensorsError.naming(path) { () throws(FileError) in try self.status() }
    guard status.st_mode & S_IFMT == S_IFREG else { throw SafetensorsError(.notARegularFile, path: path) }
    return Int(status.st_size)
  }

  /// Returns the elements in a range of the file, which holds a whole number of them.
  fileprivate func elements<Element: BitwiseCopyable>(
    _ range: Range<Int>
  ) throws(SafetensorsError) -> [Element] {
    let count = range.count / MemoryLayout<Element>.stride
    // The initializer would write its count into the empty array that all threads share.
    guard count > 0 else { return [] }
    // Swift 6.2's initializer loses the type of the error, so the error is passed out through a variable.
    var failure: SafetensorsError?
    let elements = [Element](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      do throws(SafetensorsError) {
        let bytes = UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: range.count)
        try read(range, into: bytes)
        initializedCount = count
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return elements
  }

  fileprivate func read(
    _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SafetensorsError) {
    let count = try SafetensorsError.naming(path) { () throws(FileError) in
      try read(into: buffer, at: range.lowerBound)
    }
    guard count == range.count else {
      throw SafetensorsError(.truncated(offset: range.lowerBound + count), path: path)
    }
  }
}
