import Foundation

/// A file or pipe with one number per line; blank lines are skipped. Lines end with LF, CR LF or CR.
struct MetricsFile {
  let path: String
  let values: [Double]

  init(path: String) throws {
    self.path = path
    // "\r\n" is one character.
    let lines = String(decoding: try WholeFile.read(path), as: UTF8.self)
      .split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }
    values = try lines.enumerated().compactMap { index, line in
      let number = line.trimmingCharacters(in: .whitespaces)
      if number.isEmpty { return nil }
      guard let value = Double(number) else {
        throw ToolFileError(path: path, line: index + 1, problem: "'\(number)' is not a number")
      }
      return value
    }
  }
}
