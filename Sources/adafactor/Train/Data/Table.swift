/// A table of numbers with a label in one column.
struct Table {
  let path: String
  /// The names of the feature columns, where the table has a header.
  let featureNames: [String]?
  /// Row by row.
  let features: [Double]
  /// One a row.
  let labels: [String]

  var columns: Int { labels.isEmpty ? 0 : features.count / labels.count }

  struct Format {
    /// The label's column by name or by its number from 1; nil for the one called "label", or the last.
    var label: String?
    /// Whether the first row holds names; nil to see: it does where none of its fields is a number.
    var hasHeader: Bool?
    var delimiter = UInt8(ascii: ",")
  }

  init(path: String, format: Format = Format()) throws {
    try self.init(bytes: WholeFile.read(path), path: path, format: format)
  }

  init(bytes: [UInt8], path: String, format: Format = Format()) throws(TableError) {
    var reader = CSVReader(bytes, path: path, delimiter: format.delimiter)
    guard let first = try reader.next() else { throw TableError(path, .empty) }
    let width = first.fields.count
    guard width > 1 else { throw TableError(path, line: first.line, .noFeatures) }
    let hasHeader = format.hasHeader ?? first.fields.allSatisfy { Self.number($0) == nil }
    let names = hasHeader ? first.fields : nil
    let labelColumn = try Self.labelColumn(format.label, names: names, count: width, path: path)

    var features: [Double] = []
    var labels: [String] = []
    var next = hasHeader ? try reader.next() : first
    while let record = next {
      guard record.fields.count == width else {
        throw TableError(path, line: record.line, .ragged(found: record.fields.count, expected: width))
      }
      for (column, field) in record.fields.enumerated() {
        if column == labelColumn {
          labels.append(field)
        } else if let number = Self.number(field) {
          features.append(number)
        } else {
          throw TableError(
            path, line: record.line, column: column + 1, .notANumber(field, columnName: names?[column]))
        }
      }
      next = try reader.next()
    }
    guard !labels.isEmpty else { throw TableError(path, .empty) }
    self.path = path
    featureNames = names.map { names in names.indices.filter { $0 != labelColumn }.map { names[$0] } }
    self.features = features
    self.labels = labels
  }

  private static func labelColumn(
    _ label: String?, names: [String]?, count: Int, path: String
  ) throws(TableError) -> Int {
    guard let label else { return names?.firstIndex(of: "label") ?? count - 1 }
    let named = names.map { names in names.indices.filter { names[$0] == label } } ?? []
    if named.count > 1 { throw TableError(path, .ambiguousLabelColumn(label)) }
    if let column = named.first { return column }
    guard let number = Int(label), (1...count).contains(number) else {
      throw TableError(path, .noLabelColumn(label, names: names, count: count))
    }
    return number - 1
  }

  /// The number that a field holds, nil for any other text, NaN and infinity included.
  private static func number(_ field: String) -> Double? {
    guard let number = Double(field), number.isFinite else { return nil }
    return number
  }
}
