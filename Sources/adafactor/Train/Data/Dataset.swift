import Foundation
import Tensors

/// Samples and their classes.
struct Dataset {
  /// The path of the table, for messages.
  let path: String
  /// The columns that the samples were read from.
  let columns: TableColumns
  /// The number of rows that were skipped because a value is missing.
  let droppedRows: Int
  /// The features, with one row per sample.
  var features: Tensor
  /// The class of each sample, an index into `classNames`.
  var labels: [Int]
  /// The classes, in numerical order if all of them are numbers, otherwise in alphabetical order.
  let classNames: [String]

  var count: Int { labels.count }

  /// Creates the samples of a table, in Float64 as they were read.
  init(_ table: Table) throws(TableError) {
    let texts = try Self.distinctLabels(table)
    let numbers = texts.compactMap { text in Double(text).map { (text, $0) } }.sorted {
      ($0.1, $0.0) < ($1.1, $1.0)
    }
    let isNumeric = numbers.count == texts.count
    classNames = isNumeric ? numbers.map(\.0) : texts.sorted()
    if classNames.count == 1 { throw TableError(table.path, .oneClass(classNames[0])) }
    // With fewer than two samples per class, nothing that was learned can be tested.
    if 2 * classNames.count > table.labels.count {
      throw TableError(table.path, .tooManyClasses(classNames.count, rows: table.labels.count))
    }
    if isNumeric, Self.areAmounts(numbers.map(\.1)) {
      throw TableError(
        table.path, .amounts(numbers.count, labelName: table.columns.label.map(table.columns.name) ?? ""))
    }
    // The first line's features are numbers, or it would be a header. A real sample shares its class with
    // others.
    if table.columns.isHeaderInferred, table.columns.names == nil,
      !table.labels.dropFirst().contains(table.labels[0])
    {
      throw TableError(table.path, line: table.lines[0], .numericHeader(label: table.labels[0]))
    }
    let indices = Dictionary(uniqueKeysWithValues: zip(classNames, classNames.indices))
    labels = table.labels.map { indices[$0]! }
    features = Tensor(scalars: table.features, shape: [table.lines.count, table.columns.features.count])
    path = table.path
    columns = table.columns
    droppedRows = table.droppedRows
  }

  /// Returns the different labels. Two labels that a reader cannot tell apart are refused: Swift treats them
  /// as equal, Python does not.
  private static func distinctLabels(_ table: Table) throws(TableError) -> Set<String> {
    var rows: [String: Int] = [:]
    for (row, label) in table.labels.enumerated() {
      guard let first = rows[label] else {
        rows[label] = row
        continue
      }
      guard table.labels[first].utf8.elementsEqual(label.utf8) else {
        throw TableError(
          table.path, line: table.lines[row], column: table.columns.label.map { $0 + 1 },
          .twoSpellings(label, line: table.lines[first]))
      }
    }
    return Set(rows.keys)
  }

  /// Returns whether sorted labels are amounts rather than classes: more than 20, and not numbered from 0 or
  /// 1.
  private static func areAmounts(_ numbers: [Double]) -> Bool {
    numbers.count > 20
      && ![0, 1].contains { start in
        zip(numbers, 0...).allSatisfy { $0 == Double(start + $1) }
      }
  }

  /// Throws ``TableError/Problem/outlier(_:columnName:)`` if a standardized number is not finite.
  func requireFinite(_ standardized: Tensor) throws(TableError) {
    let z = standardized.scalars(as: Double.self)
    guard let place = z.firstIndex(where: { !$0.isFinite }) else { return }
    let (row, column) = place.quotientAndRemainder(dividingBy: columns.features.count)
    throw TableError(
      path, .outlier(features[row, column], columnName: columns.name(columns.features[column])))
  }

  func samples(at places: some RandomAccessCollection<Int>) -> Dataset {
    var samples = self
    samples.features = features.rows(at: places)
    samples.labels = places.map { labels[$0] }
    return samples
  }

  /// Splits the samples at random into a training set and a test set, with at least one sample each.
  func split(
    testFraction: Double, using generator: inout some RandomNumberGenerator
  ) -> (training: Dataset, test: Dataset) {
    let order = (0..<count).shuffled(using: &generator)
    let testCount = min(max(1, Int((Double(count) * testFraction).rounded())), count - 1)
    return (samples(at: order[testCount...]), samples(at: order[..<testCount]))
  }
}
