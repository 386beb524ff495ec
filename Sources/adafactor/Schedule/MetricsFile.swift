import Foundation

/// A file with one number a line; blank lines do not count.
struct MetricsFile {
  let path: String
  let values: [Double]

  init(path: String) throws {
    let text: String
    do {
      text = try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      throw ToolFileError(path: path, problem: "cannot be read: \(error.localizedDescription)")
    }
    self.path = path
    values = try text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap {
      index, line in
      let number = line.trimmingCharacters(in: .whitespacesAndNewlines)
      if number.isEmpty { return nil }
      guard let value = Double(number) else {
        throw ToolFileError(path: path, line: index + 1, problem: "'\(number)' is not a number")
      }
      return value
    }
  }
}
