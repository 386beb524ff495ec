/// The rows of a table: numbers and, in training, a label per row.
struct Table {
  let path: String
  let columns: TableColumns
  /// The features, row by row, in the order of `columns.features`.
  let features: [Double]
  /// The label of each row, or empty if no column holds labels.
  let labels: [String]
  /// The line on which each row begins.
  let lines: [Int]
  /// The number of rows that were skipped because a value is missing.
  let droppedRows: Int

  struct Format {
    /// The choice of columns to read.
    var choice = TableColumns.Choice.labeled()
    /// Whether the first line holds names; `nil` to infer it.
    var hasHeader: Bool?
    var delimiter = UInt8(ascii: ",")
    /// Whether rows that lack a value are skipped. Otherwise, they are errors.
    var dropsMissing = false
  }

  init(path: String, format: Format = Format()) throws {
    try self.init(bytes: WholeFile.read(path), path: path, format: format)
  }

  init(bytes: [UInt8], path: String, format: Format = Format()) throws(TableError) {
    var reader = CSVReader(bytes, path: path, delimiter: format.delimiter)
    guard let first = try reader.next() else { throw TableError(path, .empty) }
    let columns: TableColumns
    do {
      columns = try TableColumns(first.fields, format)
    } catch {
      throw TableError(path, line: error == .noFeatures ? first.line : nil, error)
    }
    var rows = Rows(columns: columns, path: path, format: format, firstLine: first.line)
    var next = columns.names == nil ? first : try reader.next()
    while let record = next {
      try rows.add(record)
      next = try reader.next()
    }
    guard !rows.lines.isEmpty else {
      throw TableError(path, rows.dropped == 0 ? .empty : .allDropped(rows.dropped))
    }
    self.path = path
    self.columns = columns
    features = rows.features
    labels = rows.labels
    lines = rows.lines
    droppedRows = rows.dropped
  }

  /// The rows that have been read so far.
  private struct Rows {
    let columns: TableColumns
    let path: String
    let format: Format
    let firstLine: Int
    var features: [Double] = []
    var labels: [String] = []
    var lines: [Int] = []
    var dropped = 0

    mutating func add(_ record: CSVReader.Record) throws(TableError) {
      guard record.fields.count == columns.count else {
        throw TableError(
          path, line: record.line, .ragged(found: record.fields.count, expected: columns.count))
      }
      if let column = (columns.features + [columns.label].compactMap { $0 }).first(where: {
        TableColumns.isMissing(record.fields[$0])
      }) {
        guard format.dropsMissing else { throw error(record, column, .missing(columns.use(of: column))) }
        dropped += 1
        return
      }
      for column in columns.features {
        let field = record.fields[column]
        guard let number = TableColumns.number(field) else {
          let mayBeHeader = record.line == firstLine && format.hasHeader == nil
          throw error(
            record, column, .notANumber(field, columns.use(of: column), mayBeHeader: mayBeHeader))
        }
        // Differences and sums of larger numbers overflow.
        guard number.magnitude <= 1e300 else { throw error(record, column, .tooLarge(field)) }
        features.append(number)
      }
      if let label = columns.label { labels.append(record.fields[label]) }
      lines.append(record.line)
    }

    private func error(_ record: CSVReader.Record, _ column: Int, _ problem: TableError.Problem) -> TableError
    {
      TableError(path, line: record.line, column: column + 1, problem)
    }
  }
}
