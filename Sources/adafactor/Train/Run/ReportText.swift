import Foundation

/// A result that the tool prints as a table or as JSON, and draws.
protocol RunReport: Encodable {
  var table: String { get }
  var lossChart: LineChart { get }
}

extension Double {
  func fixed(_ digits: Int) -> String { String(format: "%.\(digits)f", self) }
}

extension Int {
  /// The number with digits in groups of three.
  var grouped: String { formatted(.number.locale(Locale(identifier: "en_US"))) }

  func counted(_ noun: String) -> String { "\(grouped) \(self == 1 ? noun : noun + "s")" }
}

/// Lists and values in the format of reports.
enum ReportText {
  /// Returns rows in columns as wide as their widest text: the first columns aligned left, the numbers after
  /// them right.
  ///
  /// If lines would be longer than `width`, the words of the first row are put below each other. If that is
  /// not enough, the first column gets lines of its own.
  static func columns(
    _ rows: [[String]], leftAligned leftCount: Int, width: Int = Terminal.reportWidth
  ) -> String {
    func widths(_ rows: [[String]]) -> [Int] { rows[0].indices.map { j in rows.map { $0[j].count }.max()! } }
    func fits(_ rows: [[String]]) -> Bool {
      widths(rows).reduce(0, +) + 2 * (rows[0].count - 1) <= width
    }
    var rows = rows
    var firstLines: [String]?
    if !fits(rows) {
      let words = rows[0].map { $0.split(separator: " ").map(String.init) }
      let height = words.map(\.count).max() ?? 0
      let head = (0..<height).map { line in
        words.map { line < height - $0.count ? "" : $0[line - height + $0.count] }
      }
      rows = head + rows.dropFirst()
      if !fits(rows), leftCount > 0 {
        firstLines = rows.enumerated().map { $0 < height ? "" : $1[0] }
        for index in rows.indices.dropFirst(height) { rows[index][0] = "" }
      }
    }
    let widths = widths(rows)
    return rows.enumerated().map { index, row in
      let line =
        zip(row, widths).enumerated().map { column, cell in
          let space = String(repeating: " ", count: cell.1 - cell.0.count)
          return column < leftCount ? cell.0 + space : space + cell.0
        }.joined(separator: "  ") + "\n"
      guard let first = firstLines?[index], !first.isEmpty else { return line }
      return first + "\n" + line
    }.joined()
  }

  /// Returns names with their texts. Lines longer than `width` are broken and indented.
  static func rows(_ rows: [(String, String)], width: Int = Terminal.reportWidth) -> String {
    let indent = (rows.map(\.0.count).max() ?? 0) + 2
    return rows.map { name, text in
      var lines = [""]
      for word in text.split(separator: " ", omittingEmptySubsequences: false) {
        let last = lines[lines.count - 1]
        if last.isEmpty {
          lines[lines.count - 1] = String(word)
        } else if indent + last.count + 1 + word.count <= width {
          lines[lines.count - 1] += " " + word
        } else {
          lines.append(String(word))
        }
      }
      let space = String(repeating: " ", count: indent)
      return name + space.dropFirst(name.count) + lines.joined(separator: "\n" + space) + "\n"
    }.joined()
  }

  static func json(
    _ value: some Encodable, keys: JSONEncoder.KeyEncodingStrategy = .convertToSnakeCase
  ) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    encoder.keyEncodingStrategy = keys
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  }
}
