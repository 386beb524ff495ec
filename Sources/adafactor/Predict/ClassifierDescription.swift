import Checkpoints

/// Everything that a classifier's file holds in addition to its weights and biases.
///
/// It is JSON under the key ``key`` of the file's metadata.
struct ClassifierDescription: Codable, Equatable {
  /// The function between two layers.
  var activation = "relu"
  /// The number of features, the widths of the hidden layers and the number of classes.
  let widths: [Int]
  /// The names of the features, or the numbers of their columns from 1.
  let features: [String]
  /// The columns of the features in the table that the classifier was trained on, counted from 1.
  let featureColumns: [Int]
  /// The number of all columns of that table.
  let columns: Int
  /// Whether that table has names for its columns.
  let hasHeader: Bool
  let mean: [Double]
  let scale: [Double]
  let classes: [String]

  enum CodingKeys: String, CodingKey {
    case activation, widths, features, columns, mean, scale, classes
    case featureColumns = "feature_columns"
    case hasHeader = "has_header"
  }

  static let key = "classifier"

  init(widths: [Int], columns: TableColumns, standardization: Standardization, classes: [String]) {
    self.widths = widths
    features = columns.features.map(columns.name)
    featureColumns = columns.features.map { $0 + 1 }
    self.columns = columns.count
    hasHeader = columns.names != nil
    mean = standardization.mean
    scale = standardization.scale
    self.classes = classes
  }

  /// Creates the description in a file's metadata.
  ///
  /// - Throws: ``ToolFileError`` if the file has no description, or if its parts do not fit together.
  init(metadata: [String: String], path: String) throws {
    guard let json = metadata[Self.key] else {
      throw ToolFileError(
        path: path,
        problem: "is not a model of adafactor train: its metadata has no \"\(Self.key)\"")
    }
    do {
      self = try JSONText.decode(Self.self, from: Array(json.utf8))
    } catch {
      throw Self.error(path, JSONText.problem(error))
    }
    let counts = [features.count, featureColumns.count, mean.count, scale.count]
    guard widths.count > 1, counts.allSatisfy({ $0 == widths[0] }), widths.last == classes.count,
      widths.allSatisfy({ $0 > 0 }), activation == "relu"
    else { throw Self.error(path, "its features, widths and classes do not match") }
    guard featureColumns.allSatisfy({ (1...max(1, columns)).contains($0) }),
      (mean + scale).allSatisfy(\.isFinite)
    else { throw Self.error(path, "a column number or a number of the standardization is out of range") }
  }

  private static func error(_ path: String, _ problem: String) -> ToolFileError {
    ToolFileError(path: path, problem: "the metadata \"\(key)\" cannot be used: \(problem)")
  }

  var metadata: [String: String] {
    get throws { [Self.key: String(decoding: try JSONText.encode(self), as: UTF8.self)] }
  }
}
