/// The columns of a table and their roles.
struct TableColumns {
  /// The number of columns, including columns that are not read.
  let count: Int
  /// The names in the first line, or `nil` if it holds values.
  let names: [String]?
  /// Whether it was inferred that the first line holds names or values.
  let isHeaderInferred: Bool
  /// The columns of the features, counted from 0.
  let features: [Int]
  /// The label column, or `nil` for predictions.
  let label: Int?
  /// The columns that the user ignores.
  let ignored: [Int]

  /// The choice of columns to read.
  enum Choice {
    /// A label, and all other columns except the ignored ones as features. Columns are given by name or by
    /// number from 1. Without `label`, the label is the column named "label", or the last one.
    case labeled(by: String? = nil, ignoring: [String] = [])
    /// The features of a trained classifier.
    case features(of: ClassifierDescription)
  }

  /// Creates the columns of a table with these fields in its first line.
  init(_ first: [String], _ format: Table.Format) throws(TableError.Problem) {
    count = first.count
    isHeaderInferred = format.hasHeader == nil
    // A sample that lacks all its numbers is not a header.
    let seemsHeader =
      first.allSatisfy { Self.number($0) == nil } && 2 * first.count(where: Self.isMissing) < first.count
    switch format.choice {
    case .labeled(let name, let ignoring):
      guard count > 1 else { throw .noFeatures }
      names = format.hasHeader ?? seemsHeader ? first : nil
      let label =
        if let name {
          try Self.column(name, option: "--label", names: names, count: count)
        } else {
          names?.firstIndex(of: "label") ?? count - 1
        }
      var ignored: Set<Int> = []
      for text in ignoring {
        let column = try Self.column(text, option: "--ignore", names: names, count: count)
        guard column != label else { throw .ignoredLabel(text) }
        ignored.insert(column)
      }
      features = (0..<count).filter { $0 != label && !ignored.contains($0) }
      guard !features.isEmpty else { throw .noFeatures }
      self.label = label
      self.ignored = ignored.sorted()
    case .features(let model):
      let holdsNames =
        model.hasHeader && model.features.allSatisfy { !Self.columns(named: $0, in: first).isEmpty }
      names = format.hasHeader ?? (seemsHeader || holdsNames) ? first : nil
      label = nil
      ignored = []
      if let names, model.hasHeader {
        features = try model.features.map { (name) throws(TableError.Problem) in
          let columns = Self.columns(named: name, in: names)
          guard columns.count < 2 else { throw .ambiguousColumn(name, option: nil) }
          guard let column = columns.first else { throw .noFeatureColumn(name, names: names) }
          return column
        }
      } else if count == model.columns {
        features = model.featureColumns.map { $0 - 1 }
      } else if count == model.features.count {
        features = Array(0..<count)
      } else {
        throw .modelColumns(found: count, features: model.features.count, columns: model.columns)
      }
    }
  }

  /// Returns the name of a column, or its number from 1 if it has none.
  func name(_ column: Int) -> String {
    guard let name = names?[column], !name.isEmpty else { return "\(column + 1)" }
    return name
  }

  /// Returns the role of a column, for messages.
  func use(of column: Int) -> TableError.ColumnUse {
    let role: TableError.ColumnUse.Role = label == nil ? .modelFeature : column == label ? .label : .feature
    return .init(name: names?[column], role: role)
  }

  private static func column(
    _ text: String, option: String, names: [String]?, count: Int
  ) throws(TableError.Problem) -> Int {
    let named = names.map { columns(named: text, in: $0) } ?? []
    if named.count > 1 { throw .ambiguousColumn(text, option: option) }
    if let column = named.first { return column }
    guard let number = Int(text), (1...count).contains(number) else {
      throw .noColumn(text, option: option, names: names, count: count)
    }
    return number - 1
  }

  /// Returns the columns with a name. Names are compared by their bytes: two spellings of one text are two
  /// names.
  private static func columns(named name: String, in names: [String]) -> [Int] {
    names.indices.filter { names[$0].utf8.elementsEqual(name.utf8) }
  }

  /// Returns the number in a field, or `nil` for any other text, including NaN and infinity.
  static func number(_ field: String) -> Double? {
    guard let number = Double(field), number.isFinite else { return nil }
    return number
  }

  /// Returns whether a field represents a missing value in the notation of pandas, R or the UCI archive.
  static func isMissing(_ field: String) -> Bool {
    ["", "?", "na", "n/a", "nan", "null"].contains(field.lowercased())
  }
}
