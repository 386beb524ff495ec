import CLibrary

/// A safetensors file that is mapped into memory: tensors are used in place, and pages are read when touched.
///
/// - Warning: Use this only for files that nobody changes while they are mapped. If a file is shortened,
///   touching the missing part ends the process with SIGBUS, which cannot be turned into an error. If a file
///   is written to, values change during computations. Neither can happen with the reads of
///   ``SafetensorsFile``.
///
/// The alignment of a tensor is only the alignment of its position in the file.
public final class SafetensorsMapping: Sendable {
  /// The header.
  public let header: SafetensorsHeader
  private let path: String
  // Read-only, and unmapped only by deinit: no thread can see another thread's writes.
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

  /// Calls `body` with the bytes of the tensor with this name.
  ///
  /// - Throws: ``SafetensorsError`` if there is no such tensor, or any error that `body` throws.
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
  /// Maps the file into memory. Read the warning of ``SafetensorsMapping`` first.
  ///
  /// The mapping can outlive this object.
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
