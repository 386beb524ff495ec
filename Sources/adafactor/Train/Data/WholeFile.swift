import Foundation

/// Reads whole files through the C library: unlike Foundation's, its errors state the problem in the system's
/// words.
enum WholeFile {
  private static let byteCountLimit = 1 << 29

  /// - Parameter byteCountLimit: The maximum number of bytes in the file.
  static func read(_ path: String, byteCountLimit: Int = byteCountLimit) throws(ToolFileError) -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw failure(path) }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      // Some devices never end.
      guard bytes.count < byteCountLimit else {
        throw ToolFileError(
          path: path,
          problem: "has more than \(byteCountLimit >> 20) MB or never ends; "
            + "give a smaller file")
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

/// The error if the tool cannot read, use or write a file, with the reason.
struct ToolFileError: Error, Equatable, CustomStringConvertible {
  let path: String
  /// The line, counted from 1, or `nil` for the whole file.
  var line: Int?
  let problem: String

  var description: String { "\(path)\(line.map { ":\($0)" } ?? ""): \(problem)" }
}
