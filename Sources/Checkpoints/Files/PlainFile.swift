import CLibrary
import Safetensors

/// Files as bytes.
enum PlainFile {
  /// The first bytes of a file, or all where it is expected to be small.
  static func contents(of path: String, first count: Int = .max) throws(FileError) -> [UInt8] {
    let number = open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { throw FileError("open", path: path, code: errno) }
    defer { close(number) }
    var contents: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: min(count, 1 << 16))
    while contents.count < count {
      let result = read(number, &buffer, min(buffer.count, count - contents.count))
      if result == 0 { break }
      if result > 0 {
        contents += buffer[..<result]
      } else if errno != EINTR {
        throw FileError("read", path: path, code: errno)
      }
    }
    return contents
  }

  /// Writes `bytes` to a file that appears at `path` whole and flushed to disk, or not at all; gives its
  /// XXH64.
  static func write(_ bytes: [UInt8], to path: String, system: SystemCalls) throws(FileError) -> UInt64 {
    let replacement = try FileReplacement(of: path, system: system)
    try bytes.span.bytes.withUnsafeBytes { (bytes) throws(FileError) in try replacement.write(bytes, at: 0) }
    try replacement.commit()
    return bytes.withUnsafeBytes(XXHash64.value)
  }
}
