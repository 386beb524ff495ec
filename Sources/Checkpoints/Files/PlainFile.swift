import Safetensors

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Files as bytes.
enum PlainFile {
  /// All bytes of a file that is expected to be small.
  static func contents(of path: String) throws(FileError) -> [UInt8] {
    var contents: [UInt8] = []
    try forEachPiece(of: path) { contents += $0 }
    return contents
  }

  /// The XXH64 of a file.
  static func checksum(of path: String) throws(FileError) -> UInt64 {
    var checksum = XXHash64()
    try forEachPiece(of: path) { checksum.update($0) }
    return checksum.value
  }

  /// Writes `bytes` to a file that appears at `path` whole and flushed to disk, or not at all; gives its
  /// XXH64.
  static func write(_ bytes: [UInt8], to path: String, system: SystemCalls) throws(FileError) -> UInt64 {
    let replacement = try FileReplacement(of: path, system: system)
    var checksum = XXHash64()
    try bytes.span.bytes.withUnsafeBytes { (bytes) throws(FileError) in
      checksum.update(bytes)
      try replacement.write(bytes, at: 0)
    }
    try replacement.commit()
    return checksum.value
  }

  /// Pieces that stay in the second-level cache.
  private static let pieceByteCount = 1 << 18

  private static func forEachPiece(
    of path: String, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(FileError) {
    let number = open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { throw FileError("open", path: path, code: errno) }
    defer { close(number) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceByteCount, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let count = read(number, buffer.baseAddress!, buffer.count)
      if count == 0 { return }
      if count > 0 {
        body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      } else if errno != EINTR {
        throw FileError("read", path: path, code: errno)
      }
    }
  }
}
