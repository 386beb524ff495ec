struct TableError: Error, Equatable, CustomStringConvertible {
  let path: String
  /// The line, counted from 1, or `nil` if the problem is not in one line.
  let line: Int?
  /// The field within its record, counted from 1.
  let column: Int?
  let problem: Problem

  /// The column that a field belongs to.
  struct ColumnUse: Equatable {
    enum Role { case feature, label, modelFeature }
    let name: String?
    var role = Role.feature
  }

  enum Problem: Error, Equatable {
    case notUTF8
    case empty
    case allDropped(Int)
    case unterminatedQuote
    case textAfterQuote
    case ragged(found: Int, expected: Int)
    case missing(ColumnUse)
    case notANumber(String, ColumnUse, mayBeHeader: Bool = false)
    case tooLarge(String)
    case tooSmall(columnName: String, deviation: Double)
    case outlier(Double, columnName: String)
    case noFeatures
    case noColumn(String, option: String, names: [String]?, count: Int)
    case ambiguousColumn(String, option: String?)
    case ignoredLabel(String)
    case noFeatureColumn(String, names: [String])
    case modelColumns(found: Int, features: Int, columns: Int)
    case tooFewRows(Int)
    case oneClass(String)
    case twoSpellings(String, line: Int)
    case tooManyClasses(Int, rows: Int)
    case amounts(Int, labelName: String)
    case numericHeader(label: String)
    case notPredictable
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
    case .notUTF8: "is not UTF-8 text; convert the file"
    case .empty: "holds no rows"
    case .allDropped(let count):
      "has \(count.counted("row")), and each lacks a value; ignore a column that is often empty with --ignore "
        + "COLUMN"
    case .unterminatedQuote: "the quote that begins this field is never closed"
    case .textAfterQuote:
      "there is text after the closing quote of this field; write a quote within a quoted field twice"
    case .ragged(let found, let expected):
      "this row has \(found.counted("field")), but the first one has \(expected)"
    case .missing(let use):
      "a value is missing\(use.text); "
        + (use.role == .feature ? "ignore the column with --ignore COLUMN, or " : "")
        + "skip all rows that lack a value with --missing drop"
    case .notANumber(let text, let use, let mayBeHeader):
      "\(Self.quoted(text)) is not a finite number\(use.text); "
        + (use.role == .modelFeature
          ? "the model needs a number here"
          : "every column except the label must hold numbers: ignore other columns with --ignore COLUMN")
        + (mayBeHeader ? ". If this line holds the columns' names, give --header yes" : "")
    case .tooLarge(let text):
      "\(Self.quoted(text)) is beyond 1e300, so that differences of numbers could overflow; divide the "
        + "column by a constant"
    case .tooSmall(let name, let deviation):
      "the values of column \(Self.quoted(name)) have a deviation of only \(deviation), which cannot be "
        + "scaled to 1; multiply the column by a constant"
    case .outlier(let value, let name):
      "a held-out sample has the value \(value) in column \(Self.quoted(name)), which is too many deviations "
        + "from the mean of the training samples to compute with; correct the value, or ignore the column "
        + "with --ignore COLUMN"
    case .noFeatures:
      "has only one column to read; a table needs a label and at least one column of numbers. "
        + "Is --delimiter correct?"
    case .noColumn(let name, let option, let names, let count):
      "has no column \(Self.quoted(name)) for \(option): "
        + (names.map { "its columns are \(Self.list($0))" }
          ?? "it has no header, so give a column number from 1 to \(count)")
    case .ambiguousColumn(let name, let option):
      "has several columns \(Self.quoted(name))"
        + (option.map { "; give \($0) the number of the column" }
          ?? ", but the model needs exactly one; rename the others")
    case .ignoredLabel(let name):
      "--ignore \(name) is the label column, which is needed; choose another label with --label"
    case .noFeatureColumn(let name, let names):
      "has no column \(Self.quoted(name)), which the model was trained on; its columns are "
        + "\(Self.list(names))"
    case .modelColumns(let found, let features, let columns):
      "has \(found.counted("column")); the model needs its \(features.counted("feature")), "
        + "or all \(columns) columns of its training table"
    case .tooFewRows(let count):
      "has \(count.counted("row")); training and testing need at least one row each"
    case .twoSpellings(let label, let line):
      "the label \(Self.quoted(label)) looks like the one in line \(line), but has another Unicode normal "
        + "form; write all labels in the same form"
    case .oneClass(let label): "every row has the label \(Self.quoted(label)); there is nothing to learn"
    case .tooManyClasses(let classes, let rows):
      "the label column has \(classes) different values in \(rows) rows; this program learns classes, not "
        + "numbers. Is --label correct?"
    case .amounts(let count, let name):
      "the label column \(Self.quoted(name)) holds \(count) different numbers; this program learns classes, "
        + "not amounts. Divide the amounts into a few ranges, or choose another column with --label"
    case .numericHeader(let label):
      "this line may hold the columns' names, because its label \(Self.quoted(label)) occurs in no other "
        + "line; give --header yes if it does, or --header no if it is a sample"
    case .notPredictable:
      "the model's result for this row is not finite: its values are too far from the training samples"
    }
  }

  /// Returns a text from a file on one line, shortened if it is long.
  private static func quoted(_ text: String) -> String {
    (text.count > 60 ? text.prefix(59) + "…" : text).debugDescription
  }

  private static func list(_ names: [String]) -> String {
    names.prefix(30).map(quoted).joined(separator: ", ") + (names.count > 30 ? ", …" : "")
  }
}

extension TableError.ColumnUse {
  fileprivate var text: String {
    let kind = role == .label ? "the label, column" : "column"
    guard let name, !name.isEmpty else { return role == .label ? " (the label)" : "" }
    return " (\(kind) \"\(name)\")"
  }
}
