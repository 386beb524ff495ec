import Tensors
import Testing

@testable import adafactor

@Suite("Datasets")
struct DatasetTests {
  private func dataset(labels: [String]) throws -> Dataset {
    let rows = labels.enumerated().map { "\($0.offset),\($0.offset * 10),\($0.element)\n" }
    return try Dataset(Table(bytes: Array(rows.joined().utf8), path: "t.csv"))
  }

  @Test func `Classes are in the order of their numbers, or of their letters`() throws {
    #expect(try dataset(labels: ["10", "9", "10", "9"]).classNames == ["9", "10"])
    #expect(try dataset(labels: ["10", "9", "10", "9"]).labels == [1, 0, 1, 0])
    #expect(try dataset(labels: ["b", "a", "10", "b", "a", "10"]).classNames == ["10", "a", "b"])
  }

  @Test func `One class, and a label that is nearly never the same, are errors`() {
    #expect(throws: TableError("t.csv", .oneClass("x"))) { try dataset(labels: ["x", "x"]) }
    #expect(throws: TableError("t.csv", .tooManyClasses(3, rows: 5))) {
      try dataset(labels: ["1.5", "2.5", "3.5", "2.5", "1.5"])
    }
  }

  @Test func `A split takes every sample once, with its label, and the same one for the same seed`() throws {
    let labels = (0..<50).map { "\($0 % 2)" }
    let dataset = try dataset(labels: labels)
    func split(_ seed: UInt64) -> (training: Dataset, test: Dataset) {
      var generator = SeededGenerator(seed: seed)
      return dataset.split(testFraction: 0.3, using: &generator)
    }
    let (training, test) = split(1)
    #expect(training.count == 35 && test.count == 15)
    let seen = (0..<35).map { training.features[$0, 0] } + (0..<15).map { test.features[$0, 0] }
    #expect(seen.sorted() == (0..<50).map(Double.init))
    for part in [training, test] {
      for i in 0..<part.count {
        #expect(part.labels[i] == Int(part.features[i, 0]) % 2)
        #expect(part.features[i, 1] == 10 * part.features[i, 0])
      }
    }
    #expect(split(1).test.features == test.features)
    #expect(split(2).test.features != test.features)
  }

  @Test func `Both parts of a split have a sample, however small the part that is asked for`() throws {
    let dataset = try dataset(labels: ["a", "b", "a", "b"])
    var generator = SeededGenerator(seed: 1)
    #expect(dataset.split(testFraction: 0.01, using: &generator).test.count == 1)
    #expect(dataset.split(testFraction: 0.99, using: &generator).training.count == 1)
  }

  @Test func `Standardized columns have mean 0 and variance 1; a constant column becomes 0`() {
    // Far from 0, where Float32 alone would lose the differences.
    let x = Tensor(scalars: [1e9, 5, 1e9 + 1, 5, 1e9 + 2, 5, 1e9 + 3, 5] as [Double], shape: [4, 2])
    let z = Standardization(of: x)(x)
    #expect(z.scalarType == .float32)
    let deviation = (1.25).squareRoot()
    for (i, expected) in [-1.5, -0.5, 0.5, 1.5].enumerated() {
      #expect((z[i, 0] - expected / deviation).magnitude < 1e-6)
      #expect(z[i, 1] == 0)
    }
  }
}
