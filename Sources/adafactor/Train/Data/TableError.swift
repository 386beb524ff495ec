struct TableError: Error, Equatable, CustomStringConvertible {
  let path: String
  /// Counted from 1.
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
    case .notUTF8: "is not text in UTF-8; convert the file"
    case .empty: "holds no rows"
    case .allDropped(let count):
      "\(count.counted("row")), and each lacks a value; leave out a column that is often empty by --ignore COLUMN"
    case .unterminatedQuote: "the quote that begins this field is never closed"
    case .textAfterQuote:
      "there is text behind the closing quote of this field; write a quote within one twice"
    case .ragged(let found, let expected):
      "this row has \(found.counted("field")), but the first one has \(expected)"
    case .missing(let use):
      "a value is missing\(use.text); "
        + (use.role == .feature ? "leave the column out by --ignore COLUMN, or " : "")
        + "leave out all rows that lack a value by --missing drop"
    case .notANumber(let text, let use, let mayBeHeader):
      "\(Self.quoted(text)) is not a finite number\(use.text); "
        + (use.role == .modelFeature
          ? "the model needs a number here"
          : "every column but the label's must hold numbers: leave others out by --ignore COLUMN")
        + (mayBeHeader ? ". If this line holds the columns' names, say --header yes" : "")
    case .tooLarge(let text):
      "\(Self.quoted(text)) is beyond 1e300, where differences of numbers overflow; divide the column by a constant"
    case .tooSmall(let name, let deviation):
      "the values of column \(Self.quoted(name)) deviate by \(deviation) only, which cannot be brought to 1; "
        + "multiply the column by a constant"
    case .outlier(let value, let name):
      "a held-out sample has the value \(value) in column \(Self.quoted(name)), too many deviations from the mean of "
        + "those that are trained on to be computed with; correct the value, or leave the column out by --ignore COLUMN"
    case .noFeatures:
      "has only one column to read; a table needs the label and at least one column of numbers beside it. "
        + "Is --delimiter right?"
    case .noColumn(let name, let option, let names, let count):
      "has no column \(Self.quoted(name)) for \(option): "
        + (names.map { "its columns are \(Self.list($0))" }
          ?? "it has no header, so that a column's number is needed, 1 to \(count)")
    case .ambiguousColumn(let name, let option):
      "has several columns \(Self.quoted(name))"
        + (option.map { "; name the one for \($0) by its number" }
          ?? ", and the model needs one; rename the others")
    case .ignoredLabel(let name):
      "--ignore \(name) is the label's column, which is needed; name another one by --label"
    case .noFeatureColumn(let name, let names):
      "has no column \(Self.quoted(name)), which the model was trained on; its columns are \(Self.list(names))"
    case .modelColumns(let found, let features, let columns):
      "has \(found.counted("column")); the model needs its \(features.counted("feature")), "
        + "or all \(columns) columns of the table that it was trained on"
    case .tooFewRows(let count):
      "has \(count.counted("row")); training and test need at least one each"
    case .twoSpellings(let label, let line):
      "the label \(Self.quoted(label)) looks like the one in line \(line), but its accents are composed differently; write "
        + "all labels in one Unicode normal form"
    case .oneClass(let label): "every row has the label \(Self.quoted(label)); there is nothing to learn"
    case .tooManyClasses(let classes, let rows):
      "the label column has \(classes) different values in \(rows) rows; this program learns classes, not numbers. "
        + "Is --label right?"
    case .amounts(let count, let name):
      "the label column \(Self.quoted(name)) holds \(count) different numbers; this program learns classes, not "
        + "amounts. Put the amounts into a few ranges, or name another column by --label"
    case .numericHeader(let label):
      "this line may hold the columns' names, because its label \(Self.quoted(label)) occurs in no other line; say "
        + "--header yes if it does, and --header no if it is a sample"
    case .notPredictable:
      "the model's result for this row is not finite: its values are too far from those that the model was trained on"
    }
  }

  /// A text of a file on one line, shortened if it is long.
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
