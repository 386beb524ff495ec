/// The contents of a table as it was read, for reports.
struct DataReport: Encodable, Equatable {
  struct Class: Encodable, Equatable {
    let name: String
    let count: Int
  }

  /// The number of rows that are used.
  let rows: Int
  /// The number of rows that were skipped because a value is missing.
  let droppedRows: Int
  /// The number of columns, including the label and ignored columns.
  let columns: Int
  let header: Bool
  /// The label column, counted from 1.
  let labelColumn: Int
  /// The name of the label column, or `nil` without a header.
  let labelName: String?
  /// The ignored columns, by name or number.
  let ignoredColumns: [String]
  /// The columns that are constant in the training samples, which become 0.
  let constantColumns: [String]
  let classes: [Class]

  init(_ dataset: Dataset, _ standardization: Standardization) {
    let columns = dataset.columns
    let label = columns.label ?? columns.count - 1
    rows = dataset.count
    droppedRows = dataset.droppedRows
    self.columns = columns.count
    header = columns.names != nil
    labelColumn = label + 1
    labelName = columns.names?[label]
    ignoredColumns = columns.ignored.map(columns.name)
    constantColumns = zip(columns.features, standardization.scale).filter { $0.1 == 0 }.map {
      columns.name($0.0)
    }
    var counts = Array(repeating: 0, count: dataset.classNames.count)
    for label in dataset.labels { counts[label] += 1 }
    classes = zip(dataset.classNames, counts).map(Class.init)
  }

  /// The rows of a report.
  var table: [(String, String)] {
    var parts = [
      "\(rows.counted("row"))", "\(columns.counted("column"))", header ? "with a header" : "without a header",
      "the label in column \(labelColumn)" + (labelName.map { " (\($0))" } ?? ""),
    ]
    if droppedRows > 0 { parts.append("\(droppedRows.counted("row")) skipped because of a missing value") }
    if !ignoredColumns.isEmpty { parts.append("ignored: \(Self.list(ignoredColumns))") }
    if !constantColumns.isEmpty { parts.append("constant: \(Self.list(constantColumns))") }
    return [
      ("data", parts.joined(separator: ", ")),
      ("classes", Self.list(classes.map { "\($0.name) (\($0.count.grouped))" })),
    ]
  }

  /// Returns the first of many texts and the number of the others.
  private static func list(_ texts: [String]) -> String {
    let shown = texts.count > 12 ? 10 : texts.count
    return texts.prefix(shown).joined(separator: ", ")
      + (shown < texts.count ? " and \((texts.count - shown).grouped) more" : "")
  }
}
