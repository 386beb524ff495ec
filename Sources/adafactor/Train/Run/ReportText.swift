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
  /// Digits in groups of three.
  var grouped: String { formatted(.number.locale(Locale(identifier: "en_US"))) }

  func counted(_ noun: String) -> String { "\(grouped) \(self == 1 ? noun : noun + "s")" }
}

/// Lists and values as reports write them.
enum ReportText {
  /// Rows in columns as wide as their widest text: the first ones aligned left, the numbers after them right.
  static func columns(_ rows: [[String]], leftAligned leftCount: Int) -> String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max()! }
    return rows.map { row in
      zip(row, widths).enumerated().map { column, cell in
        let space = String(repeating: " ", count: cell.1 - cell.0.count)
        return column < leftCount ? cell.0 + space : space + cell.0
      }.joined(separator: "  ") + "\n"
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
