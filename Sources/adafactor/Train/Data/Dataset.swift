import Foundation
import Tensors

/// Samples with the classes that they belong to.
struct Dataset {
  /// One row a sample.
  var features: Tensor
  /// The class of each sample, an index into `classNames`.
  var labels: [Int]
  /// The classes, in the order of their numbers, or of their letters where they are not all numbers.
  let classNames: [String]

  var count: Int { labels.count }

  /// The samples of a table, in Float64 as they were read.
  init(_ table: Table) throws(TableError) {
    let texts = Set(table.labels)
    let numbers = texts.compactMap { text in Double(text).map { (text, $0) } }
    if numbers.count == texts.count {
      classNames = numbers.sorted { ($0.1, $0.0) < ($1.1, $1.0) }.map(\.0)
    } else {
      classNames = texts.sorted()
    }
    if classNames.count == 1 { throw TableError(table.path, .oneClass(classNames[0])) }
    // With fewer than two samples a class, nothing that was learned can be tested.
    if 2 * classNames.count > table.labels.count {
      throw TableError(table.path, .tooManyClasses(classNames.count, rows: table.labels.count))
    }
    let indices = Dictionary(uniqueKeysWithValues: zip(classNames, classNames.indices))
    labels = table.labels.map { indices[$0]! }
    features = Tensor(scalars: table.features, shape: [table.labels.count, table.columns])
  }

  func samples(at places: some RandomAccessCollection<Int>) -> Dataset {
    var samples = self
    samples.features = features.rows(at: places)
    samples.labels = places.map { labels[$0] }
    return samples
  }

  /// A random part of the samples to train on and the rest to test with, at least one each.
  func split(
    testFraction: Double, using generator: inout some RandomNumberGenerator
  ) -> (training: Dataset, test: Dataset) {
    let order = (0..<count).shuffled(using: &generator)
    let testCount = min(max(1, Int((Double(count) * testFraction).rounded())), count - 1)
    return (samples(at: order[testCount...]), samples(at: order[..<testCount]))
  }
}

/// Takes each column to mean 0 and variance 1, as measured on one dataset.
struct Standardization {
  /// Float64, one a column.
  let mean: Tensor
  let deviation: Tensor

  /// Measures the columns; a constant one keeps its scale, and becomes 0.
  init(of features: Tensor) {
    mean = features.mean(axis: -2)
    let variance = (features - mean).sumOfSquares(axis: -2) / Double(features.shape.rows)
    deviation = Tensor(shape: variance.shape, as: .float64) { j in
      variance[j] == 0 ? 1 : variance[j].squareRoot()
    }
  }

  /// (x − mean) / deviation, in Float32.
  func callAsFunction(_ features: Tensor) -> Tensor {
    ((features - mean) / deviation).converted(to: .float32)
  }
}
