import CLibrary
import Safetensors

/// Reads and writes files as bytes.
enum PlainFile {
  /// Returns all bytes of a regular file of a checkpoint. Any other kind of file is refused without waiting.
  static func contents(
    of file: String, in path: String, limit: Int
  ) throws(CheckpointError) -> [UInt8] {
    let descriptor = try CheckpointError.wrapping(CheckpointError.file) { () throws(FileError) in
      // Without O_NONBLOCK, opening a pipe would wait for a writer.
      try FileDescriptor(
        opening: "\(path)/\(file)", path: "\(path)/\(file)", flags: O_RDONLY | O_NONBLOCK, to: "open")
    }
    let status = try CheckpointError.wrapping(CheckpointError.file) { () throws(FileError) in
      try descriptor.status()
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .malformed(path: path, place: file, problem: "not a regular file")
    }
    let byteCount = Int(status.st_size)
    guard byteCount <= limit else {
      throw .malformed(path: path, place: file, problem: "\(byteCount) bytes exceed the limit of \(limit)")
    }
    return try CheckpointError.wrapping(CheckpointError.file) { () throws(FileError) in
      var contents = [UInt8](repeating: 0, count: byteCount)
      var span = contents.mutableSpan
      var bytes = span.mutableBytes
      let readCount = try bytes.withUnsafeMutableBytes { (bytes) throws(FileError) in
        try descriptor.read(into: bytes, at: 0)
      }
      return Array(contents.prefix(readCount))
    }
  }

  /// Writes `bytes` to a file at `path`, which appears complete and flushed to disk or not at all. Returns
  /// the XXH64 of the bytes.
  static func write(_ bytes: [UInt8], to path: String, system: SystemCalls) throws(CheckpointError) -> UInt64
  {
    try CheckpointError.wrapping(CheckpointError.file) { () throws(FileError) in
      let replacement = try FileReplacement(of: path, system: system)
      try bytes.span.bytes.withUnsafeBytes { (bytes) throws(FileError) in try replacement.write(bytes, at: 0)
      }
      try replacement.commit()
    }
    return bytes.withUnsafeBytes(XXHash64.value)
  }
}
