import Tensors
import Testing

@testable import adafactor

@Suite("Datasets")
struct DatasetTests {
  private func dataset(labels: [String]) throws -> Dataset {
    let rows = labels.enumerated().map { "\($0.offset),\($0.offset * 10),\($0.element)\n" }
    return try Dataset(Table(bytes: Array(rows.joined().utf8), path: "t.csv"))
  }

  @Test func `Classes are in numerical or alphabetical order`() throws {
    #expect(try dataset(labels: ["10", "9", "10", "9"]).classNames == ["9", "10"])
    #expect(try dataset(labels: ["10", "9", "10", "9"]).labels == [1, 0, 1, 0])
    #expect(try dataset(labels: ["b", "a", "10", "b", "a", "10"]).classNames == ["10", "a", "b"])
  }

  @Test func `A single class, and labels that are nearly all different, are errors`() {
    #expect(throws: TableError("t.csv", .oneClass("x"))) { try dataset(labels: ["x", "x"]) }
    #expect(throws: TableError("t.csv", .tooManyClasses(3, rows: 5))) {
      try dataset(labels: ["1.5", "2.5", "3.5", "2.5", "1.5"])
    }
  }

  @Test func `Labels that differ only in Unicode normal form are refused`() throws {
    let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
    #expect(throws: TableError("t.csv", line: 3, column: 3, .twoSpellings(decomposed, line: 1))) {
      try dataset(labels: [composed, "x", decomposed, "x"])
    }
    #expect(throws: TableError("t.csv", line: 4, column: 3, .twoSpellings(composed, line: 2))) {
      try dataset(labels: ["x", decomposed, "x", composed])
    }
    for label in [composed, decomposed] {
      #expect(try dataset(labels: [label, "x", label, "x"]).classNames.count == 2)
    }
  }

  @Test func `A split contains every sample once, with its label, and depends only on the seed`() throws {
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

  @Test func `Both parts of a split have a sample, for any fraction`() throws {
    let dataset = try dataset(labels: ["a", "b", "a", "b"])
    var generator = SeededGenerator(seed: 1)
    #expect(dataset.split(testFraction: 0.01, using: &generator).test.count == 1)
    #expect(dataset.split(testFraction: 0.99, using: &generator).training.count == 1)
  }

  @Test func `Numbers that are amounts are an error, and numbered classes are not`() throws {
    func classes(_ label: (Int) -> String) throws -> Int {
      try dataset(labels: (0..<200).map { label($0 % 40) }).classNames.count
    }
    let error = TableError("t.csv", .amounts(40, labelName: "3"))
    #expect(throws: error) { try classes { "\(Double($0) / 4)" } }
    #expect(throws: error) { try classes { "\($0 * $0)" } }
    #expect(throws: error) { try classes { "\($0 + 2)" } }
    #expect(error.description.contains("ranges") && error.description.contains("--label"))
    #expect(try classes { "\($0)" } == 40)
    #expect(try classes { "\($0 + 1).0" } == 40)
    #expect(try classes { "c\($0 * $0)" } == 40)
    #expect(try classes { "\($0 % 20 * 7)" } == 20)
  }

  @Test func `A first line of numbers that may be a header is an error that asks for --header`() throws {
    let text = "0,1,2\n" + (0..<20).map { "\($0),\($0 * 2),\($0 % 2)\n" }.joined()
    func dataset(_ hasHeader: Bool?) throws -> Dataset {
      try Dataset(Table(bytes: Array(text.utf8), path: "t.csv", format: .init(hasHeader: hasHeader)))
    }
    let error = TableError("t.csv", line: 1, .numericHeader(label: "2"))
    #expect(throws: error) { try dataset(nil) }
    #expect(error.description.contains("--header yes") && error.description.contains("--header no"))
    #expect(try dataset(true).count == 20)
    #expect(try dataset(true).columns.names == ["0", "1", "2"])
    #expect(try dataset(false).classNames == ["0", "1", "2"])
  }

  /// Returns the standardization of one column with alternating labels.
  private func standardized(_ column: [Double]) throws -> (values: [Double], standardization: Standardization)
  {
    let rows = column.enumerated().map { "\($0.element),\($0.offset % 2)\n" }
    let dataset = try Dataset(Table(bytes: Array(rows.joined().utf8), path: "t.csv"))
    let standardize = try Standardization(of: dataset)
    let z = standardize(dataset.features)
    #expect(z.scalarType == .float32)
    return (z.scalars(as: Double.self), standardize)
  }

  @Test(arguments: [1, -1, 1e100, 1e155, 1e300, 1e-155, 1e-200, 1e-299])
  func `Standardized columns have mean 0 and variance 1, at any scale`(scale: Double) throws {
    let (values, _) = try standardized([0, 1, 2, 3].map { $0 * scale / 3 })
    let deviation = (1.25).squareRoot()
    for (value, expected) in zip(values, [-1.5, -0.5, 0.5, 1.5]) {
      #expect((value - expected / deviation * (scale < 0 ? -1 : 1)).magnitude < 1e-6)
    }
  }

  @Test func `Differences far from 0 count, although Float32 would lose them`() throws {
    for (value, expected) in zip(
      try standardized([1e9, 1e9 + 1, 1e9 + 2, 1e9 + 3]).values, [-1.5, -0.5, 0.5, 1.5])
    {
      #expect((value - expected / (1.25).squareRoot()).magnitude < 1e-6)
    }
  }

  @Test func `A column that is constant, or differs only by rounding, becomes 0, also for other values`()
    throws
  {
    for column in [
      Array(repeating: 14.62, count: 30), [0.3, 0.1 + 0.2, 0.3, 0.3], [0, 0, 0, 0],
      [1e300, 1e300, 1e300, 1e300],
    ] {
      let (values, standardize) = try standardized(column)
      #expect(values.allSatisfy { $0 == 0 } && standardize.scale == [0])
      #expect(
        standardize(Tensor(scalars: [column[0] + 1, -5], shape: [2, 1])).scalars(as: Double.self) == [0, 0])
    }
  }

  @Test func `A deviation without a reciprocal, and a held-out value that is too far away, are errors`()
    throws
  {
    let small = try #require(Double("1e-310"))
    #expect(throws: TableError("t.csv", .tooSmall(columnName: "1", deviation: small / 2))) {
      try standardized([0, small, 0, small])
    }
    let rows = (0..<40).map { "\($0 % 7),\($0 == 11 ? 1e60 : Double($0 % 5)),\($0 % 2 == 0 ? "a" : "b")\n" }
    let dataset = try Dataset(Table(bytes: Array(rows.joined().utf8), path: "t.csv"))
    let errors = (0..<20).compactMap { seed -> TableError? in
      var settings = TrainingSettings()
      (settings.seed, settings.epochs) = (UInt64(seed), 1)
      do {
        _ = try TrainingRun(dataset, settings: settings)
        return nil
      } catch { return error as? TableError }
    }
    // About one seed in five holds the sample out.
    #expect((1...10).contains(errors.count))
    #expect(errors.allSatisfy { $0 == TableError("t.csv", .outlier(1e60, columnName: "2")) })
  }
}
