import CLibrary

/// A safetensors file mapped into memory: tensors are seen in place, and pages are read when touched.
///
/// - Warning: Only for files that nobody changes while they are mapped. If one is shortened, touching what is
///   gone ends the process with SIGBUS, which no code can turn into an error; if one is written to, values
///   change while they are computed with. ``SafetensorsFile``'s reads have neither danger.
///
/// A tensor is only as aligned as its place in the file.
public final class SafetensorsMapping: Sendable {
  /// The header.
  public let header: SafetensorsHeader
  private let path: String
  // Read only, and unmapped by deinit alone: no thread can see another's writes.
  private nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

  /// Maps the whole of an open file.
  fileprivate init(of file: SafetensorsFile) throws(SafetensorsError) {
    let start = mmap(nil, file.byteCount, PROT_READ, MAP_PRIVATE, file.descriptor.number, 0)
    guard let start, start != MAP_FAILED else {
      throw SafetensorsError(.file(FileError("map", path: file.path, code: errno)), path: file.path)
    }
    bytes = UnsafeRawBufferPointer(start: start, count: file.byteCount)
    header = file.header
    path = file.path
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }

  /// Gives `body` the bytes of the tensor with this name.
  ///
  /// - Throws: ``SafetensorsError`` if there is no such tensor, or what `body` throws.
  public func withBytes<Result: ~Copyable>(
    of name: String, _ body: (RawSpan) throws -> Result
  ) throws -> Result {
    guard let tensor = header.tensor(named: name) else {
      throw SafetensorsError(.noSuchTensor(name), path: path)
    }
    let begin = bytes.count - header.dataByteCount + tensor.byteRange.lowerBound
    let part = UnsafeRawBufferPointer(rebasing: bytes[begin..<begin + tensor.byteRange.count])
    return try body(part.bytes)
  }
}

extension SafetensorsFile {
  /// Maps the file into memory; read ``SafetensorsMapping``'s warning first.
  ///
  /// The mapping outlives this object if need be.
  ///
  /// - Throws: ``SafetensorsError`` if the file has been shortened since it was opened, or cannot be mapped.
  public func mapped() throws(SafetensorsError) -> SafetensorsMapping {
    let byteCount = try descriptor.regularFileByteCount()
    guard byteCount >= self.byteCount else {
      throw SafetensorsError(.truncated(offset: byteCount), path: path)
    }
    return try SafetensorsMapping(of: self)
  }
}
