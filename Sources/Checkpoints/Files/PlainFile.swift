import CLibrary
import Safetensors

/// Files as bytes.
enum PlainFile {
  /// The first bytes of a file, or all where it is expected to be small.
  static func contents(of path: String, first count: Int = .max) throws(CheckpointError) -> [UInt8] {
    try CheckpointError.wrapping(CheckpointError.file) { () throws(FileError) in
      let file = try FileDescriptor(opening: path, path: path, flags: O_RDONLY, to: "open")
      var contents = [UInt8](repeating: 0, count: min(count, Int(try file.status().st_size)))
      var span = contents.mutableSpan
      var bytes = span.mutableBytes
      let readCount = try bytes.withUnsafeMutableBytes { (bytes) throws(FileError) in
        try file.read(into: bytes, at: 0)
      }
      return Array(contents.prefix(readCount))
    }
  }

  /// Writes `bytes` to a file that appears at `path` whole and flushed to disk, or not at all; gives its
  /// XXH64.
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
