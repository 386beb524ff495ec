import Foundation

/// Whole files, through the C library: its errors say what is wrong in the system's words, Foundation's do not.
enum WholeFile {
  static func read(_ path: String) throws(ToolFileError) -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw failure(path, "read") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&chunk, 1, chunk.count, file)
      bytes += chunk[..<count]
      if count < chunk.count { break }
    }
    if ferror(file) != 0 { throw failure(path, "read") }
    return bytes
  }

  /// Writes `text` to the file at `path`, over what it held.
  static func write(_ text: String, to path: String) throws(ToolFileError) {
    guard let file = fopen(path, "wb") else { throw failure(path, "written") }
    let bytes = Array(text.utf8)
    let isWritten = fwrite(bytes, 1, bytes.count, file) == bytes.count
    // The last bytes may be written only now, and fail.
    guard fclose(file) == 0, isWritten else { throw failure(path, "written") }
  }

  private static func failure(_ path: String, _ action: String) -> ToolFileError {
    ToolFileError(path: path, problem: "cannot be \(action): \(String(cString: strerror(errno)))")
  }
}

/// A file that the tool can't read, use or write, and the reason.
struct ToolFileError: Error, Equatable, CustomStringConvertible {
  let path: String
  /// Counted from 1; nil for the whole file.
  var line: Int?
  let problem: String

  var description: String { "\(path)\(line.map { ":\($0)" } ?? ""): \(problem)" }
}
