import Foundation

/// Whole files, through the C library: its errors say what is wrong in the system's words, Foundation's do not.
enum WholeFile {
  private static let byteCountLimit = 1 << 29

  /// - Parameter byteCountLimit: How many bytes a file may have.
  static func read(_ path: String, byteCountLimit: Int = byteCountLimit) throws(ToolFileError) -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw failure(path) }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      // Some devices have no end.
      guard bytes.count < byteCountLimit else {
        throw ToolFileError(path: path, problem: "has more than \(byteCountLimit >> 20) MB, or no end")
      }
      let count = fread(&chunk, 1, chunk.count, file)
      bytes += chunk[..<count]
      if count < chunk.count { break }
    }
    if ferror(file) != 0 { throw failure(path) }
    return bytes
  }

  private static func failure(_ path: String) -> ToolFileError {
    ToolFileError(path: path, problem: "cannot be read: \(String(cString: strerror(errno)))")
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
