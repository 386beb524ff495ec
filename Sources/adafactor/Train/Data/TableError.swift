struct TableError: Error, Equatable, CustomStringConvertible {
  let path: String
  /// Counted from 1.
  let line: Int?
  /// The field within its record, counted from 1.
  let column: Int?
  let problem: Problem

  enum Problem: Equatable {
    case notUTF8
    case empty
    case unterminatedQuote
    case textAfterQuote
    case ragged(found: Int, expected: Int)
    case notANumber(String, columnName: String?)
    case noFeatures
    case noLabelColumn(String, names: [String]?, count: Int)
    case ambiguousLabelColumn(String)
    case tooFewRows(Int)
    case oneClass(String)
    case tooManyClasses(Int, rows: Int)
  }

  init(_ path: String, line: Int? = nil, column: Int? = nil, _ problem: Problem) {
    self.path = path
    self.line = line
    self.column = column
    self.problem = problem
  }

  var description: String {
    let place = [line.map { "line \($0)" }, column.map { "column \($0)" }].compactMap { $0 }
    return "\(path)\(place.isEmpty ? "" : ", ")\(place.joined(separator: ", ")): \(problem)"
  }
}

extension TableError.Problem: CustomStringConvertible {
  var description: String {
    switch self {
    case .notUTF8: "is not text in UTF-8; convert the file"
    case .empty: "holds no rows"
    case .unterminatedQuote: "the quote that begins this field is never closed"
    case .textAfterQuote:
      "there is text behind the closing quote of this field; write a quote within one twice"
    case .ragged(let found, let expected):
      "this row has \(found) fields, but the first one has \(expected)"
    case .notANumber(let text, let name):
      "\"\(text)\" is not a finite number\(name.map { " (column \"\($0)\")" } ?? ""); "
        + "every column but the label's must hold numbers"
    case .noFeatures:
      "has only one column; a table needs the label and at least one column of numbers beside it. "
        + "Is --delimiter right?"
    case .noLabelColumn(let label, let names, let count):
      "has no column \"\(label)\" for --label: "
        + (names.map { "its columns are \($0.map(\.debugDescription).joined(separator: ", "))" }
          ?? "it has no header, so that a column's number is needed, 1 to \(count)")
    case .ambiguousLabelColumn(let label):
      "has several columns \"\(label)\"; name the label's by its number"
    case .tooFewRows(let count):
      "has \(count == 1 ? "1 row" : "\(count) rows"); training and test need at least one each"
    case .oneClass(let label): "every row has the label \"\(label)\"; there is nothing to learn"
    case .tooManyClasses(let classes, let rows):
      "the label column has \(classes) different values in \(rows) rows; this program learns classes, not numbers. "
        + "Is --label right?"
    }
  }
}
