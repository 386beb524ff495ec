import KernelInterface
import Tensors
import TestSupport
import Testing

/// Properties of all kernels of Adafactor: the bits don't depend on addresses, and NaN reaches every result
/// that depends on it.
@Suite struct AdafactorKernelPropertyTests {
  /// A matrix and the position of its elements.
  private struct Subject {
    var rows: Int
    var columns: Int
    /// The offset in bytes of gradient and parameter from a cache line.
    var byteOffset = 0
    /// The offset in elements of moments and factors from a cache line.
    var elementOffset = 0
    /// An element of the gradient, and a value that replaces it.
    var poison: (index: Int, value: Double)? = nil
    /// Whether the factors of its row and column are NaN, as its statistics would make them.
    var poisonsFactors = false
    var shrinkage = 0.125
    var mayComeFromMemory = false

    let average = MomentAverage(decay: 0.5, weight: 0.5, epsilon: 1e-30, count: 67)

    /// Returns numbers for a gradient or a parameter.
    func values(seed: Int) -> [Double] {
      var numbers = TestNumbers(seed: rows + columns + seed)
      return (0..<rows * columns).map { _ in Double(numbers.spread(Float.self)) }
    }

    var gradient: [Double] {
      var gradient = values(seed: 0)
      if let poison { gradient[poison.index] = poison.value }
      return gradient
    }

    func matrix(_ values: [Double]) -> TestElements {
      TestElements(values, .float32, rows: rows, columns: columns, byteOffset: byteOffset)
    }

    /// Returns the first row of such a matrix.
    func row(_ values: [Double]) -> TestElements {
      TestElements(Array(values[..<columns]), .float32, byteOffset: byteOffset)
    }

    func ones(_ count: Int) -> TestElements {
      TestElements([Double](repeating: 1, count: count), .float32, byteOffset: 4 * elementOffset)
    }

    func piece(_ elements: TestElements) -> GradientPiece {
      var piece = elements.piece(scale: 0.3)
      piece.mayComeFromMemory = mayComeFromMemory
      return piece
    }
  }

  /// The results of the kernels, by name.
  private typealias Results = [String: [Double]]

  /// Returns the statistics of a matrix, and its moments.
  private func statistics(_ backend: Backend, _ subject: Subject) -> Results {
    let kernels = backend.kernels.adafactor[.float32, .float32]
    let gradient = subject.matrix(subject.gradient)
    let piece = subject.piece(gradient)
    let (rows, columns) = (subject.rows, subject.columns)
    let (oldRows, oldColumns) = (subject.ones(rows), subject.ones(columns))
    let (newRows, newColumns) = (subject.ones(rows), subject.ones(columns))
    let zeros = [Double](repeating: 0, count: columns)
    let (partial, partialWeighted) = (TestElements(zeros, .float32), TestElements(zeros, .float32))
    var (columnSums, weightedColumnSums) = (zeros, zeros)
    var rowSums = [Double](repeating: 0, count: rows)
    var weightedRowSums = rowSums
    withColumnSums((partial, partialWeighted), into: &columnSums, &weightedColumnSums) {
      kernels.rowStatistics(piece, subject.average, oldRows.reading, newRows.writing, $0)
    }
    let inverses = kernels.panelStatistics(
      piece, subject.average, oldColumns.reading, newColumns.writing, &rowSums, &weightedRowSums)
    #expect(gradient.isUnchanged && oldRows.isUnchanged && oldColumns.isUnchanged)
    return [
      "row moments": newRows.values, "column moments": newColumns.values, "column sums": columnSums,
      "weighted column sums": weightedColumnSums, "row sums": rowSums, "weighted row sums": weightedRowSums,
      "column inverses": [inverses],
    ]
  }

  /// Returns the updates, and the statistics of a tensor that is not factored. No backend overrides them.
  private func updates(_ subject: Subject) -> Results {
    let kernels = Backend.swift.kernels.adafactor[.float32, .float32]
    let gradient = subject.matrix(subject.gradient)
    let parameter = subject.matrix(subject.values(seed: 1))
    func factors(_ count: Int, poisoned place: Int?) -> TestElements {
      var values = (0..<count).map { 1 / Double($0 + 1) }
      if let place { values[place] = .nan }
      return TestElements(values, .float32, byteOffset: 4 * subject.elementOffset)
    }
    let place =
      subject.poisonsFactors
      ? subject.poison?.index.quotientAndRemainder(dividingBy: subject.columns) : nil
    let rowFactors = factors(subject.rows, poisoned: place?.quotient)
    let columnFactors = factors(subject.columns, poisoned: place?.remainder)
    let squares = kernels.updateFactored(
      parameter.writing, subject.piece(gradient), rowFactors.reading, columnFactors.reading,
      ParameterChange(shrinkage: subject.shrinkage))

    let (row, stepped) = (subject.row(subject.gradient), subject.row(subject.values(seed: 1)))
    let moments = subject.ones(subject.columns)
    let statistics = kernels.elementStatistics(subject.piece(row), subject.average, moments.reading)
    let elementSquares = kernels.updateElements(
      stepped.writing, subject.piece(row), subject.average, moments.writing, 0.5,
      ParameterChange(shrinkage: 0))
    #expect(gradient.isUnchanged && row.isUnchanged && rowFactors.isUnchanged && columnFactors.isUnchanged)
    return [
      "parameter": parameter.values, "squares": [squares], "element statistics": [statistics],
      "moments": moments.values, "elements": stepped.values, "element squares": [elementSquares],
    ]
  }

  /// The backends with their own statistics.
  static let statisticsBackends = Backend.implementing([\AdafactorKernels.rowStatistics, \.panelStatistics])

  private static let addresses = [(4, 1), (8, 3), (1, 0), (2, 5), (3, 1), (60, 15)]

  /// Expects the bits of `results(subject)` for each of the others.
  private func expectSameBits(_ subject: Subject, _ others: [Subject], _ results: (Subject) -> Results) {
    let expected = results(subject)
    for other in others {
      let found = results(other)
      for (name, values) in expected {
        #expect(
          found[name]?.map(\.bitPattern) == values.map(\.bitPattern), "\(name) at \(other.byteOffset) bytes")
      }
    }
  }

  private func moved(_ subject: Subject) -> [Subject] {
    Self.addresses.map { byteOffset, elementOffset in
      var moved = subject
      (moved.byteOffset, moved.elementOffset) = (byteOffset, elementOffset)
      return moved
    }
  }

  @Test(arguments: statisticsBackends, [(3, 67), (61, 129)])
  func `Statistics have the same bits at any address`(backend: Backend, shape: (Int, Int)) {
    let subject = Subject(rows: shape.0, columns: shape.1)
    expectSameBits(subject, moved(subject)) { statistics(backend, $0) }
  }

  @Test(arguments: [(3, 67), (61, 129)])
  func `Updates have the same bits at any address`(rows: Int, columns: Int) {
    let subject = Subject(rows: rows, columns: columns)
    expectSameBits(subject, moved(subject), updates)
  }

  static let shapesInMemory = [(3, 67), (61, 129), (64, 520), (23, 768)]

  @Test(arguments: statisticsBackends, shapesInMemory)
  func `Prefetching changes no bit of the statistics`(
    backend: Backend, shape: (Int, Int)
  ) {
    let subject = Subject(rows: shape.0, columns: shape.1)
    var far = subject
    far.mayComeFromMemory = true
    expectSameBits(subject, [far]) { statistics(backend, $0) }
  }

  @Test(arguments: shapesInMemory, [0, 0.125])
  func `Prefetching changes no bit of the updates`(
    shape: (Int, Int), shrinkage: Double
  ) {
    let subject = Subject(rows: shape.0, columns: shape.1, shrinkage: shrinkage)
    var far = subject
    far.mayComeFromMemory = true
    expectSameBits(subject, [far], updates)
  }

  /// Positions in a 5 × 71 matrix, in whole vectors and in the remainder of a row.
  static let places = [(0, 0), (0, 70), (2, 33), (4, 64), (4, 70)]
  static let poisons = [Double.nan, .infinity, -.infinity]

  /// Returns the indices of numbers that are not finite.
  private func nonFinite(_ values: [Double]?) -> [Int] {
    let values = values ?? []
    return values.indices.filter { !values[$0].isFinite }
  }

  @Test(arguments: statisticsBackends, places)
  func `A NaN reaches exactly the statistics that depend on it`(
    backend: Backend, place: (row: Int, column: Int)
  ) {
    for poison in Self.poisons {
      let found = statistics(
        backend, Subject(rows: 5, columns: 71, poison: (place.row * 71 + place.column, poison)))
      #expect(nonFinite(found["row moments"]) == [place.row])
      #expect(nonFinite(found["column moments"]) == [place.column])
      #expect(nonFinite(found["column sums"]) == [place.column])
      #expect(nonFinite(found["row sums"]) == [place.row])
      // ∞ / ∞ and ∞ · 0 are NaN.
      #expect(found["weighted column sums"]![place.column].isNaN)
      #expect(found["weighted row sums"]![place.row].isNaN)
    }
  }

  @Test(arguments: places, poisons)
  func `A NaN reaches exactly the elements that depend on it`(
    place: (row: Int, column: Int), poison: Double
  ) {
    let index = place.row * 71 + place.column
    var subject = Subject(rows: 5, columns: 71, poison: (index, poison))
    let found = updates(subject)
    #expect(nonFinite(found["parameter"]) == [index])
    subject.poisonsFactors = true
    let cross = (0..<5 * 71).filter { $0 / 71 == place.row || $0 % 71 == place.column }
    #expect(nonFinite(updates(subject)["parameter"]) == cross)
    #expect(!found["squares"]![0].isFinite)
    let isInRow = place.row == 0
    #expect(found["element statistics"]![0].isNaN == isInRow)
    #expect(nonFinite(found["moments"]) == (isInRow ? [place.column] : []))
    #expect(nonFinite(found["elements"]) == (isInRow ? [place.column] : []))
    #expect(found["element squares"]![0].isFinite == !isInRow)
  }

  @Test(arguments: [(0, nil), (0.5, nil), (0, 0), (0.5, 0.9)] as [(Double, Double?)])
  func `A NaN in the parameter or the momentum stays in its element`(rowFactor: Double, beta1: Double?) {
    let columns = 19
    let gradient = TestElements([Double](repeating: 0.25, count: columns), .float32)
    var values = [Double](repeating: 1, count: columns)
    values[17] = .nan
    let (parameter, moments) = (TestElements(values, .float32), TestElements(values, .float32))
    let rowFactors = TestElements([rowFactor], .float32)
    let columnFactors = TestElements([Double](repeating: 1, count: columns), .float32)
    let squares = Backend.swift.kernels.adafactor[.float32, .float32].updateFactored(
      parameter.writing, gradient.piece(scale: 1), rowFactors.reading, columnFactors.reading,
      ParameterChange(shrinkage: 0, momentum: beta1.map { (moments.writing, $0) }))
    #expect(squares.isNaN)
    for found in [parameter.values, moments.values] {
      #expect(found.indices.filter { found[$0].isNaN } == [17])
    }
    #expect(gradient.isUnchanged && rowFactors.isUnchanged && columnFactors.isUnchanged)
  }

  @Test func `A kernel refuses moments of another type`() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
      let gradient = GradientPiece(Elements(memory, .float32), scale: 1, rows: 1, columns: 1, stride: 1)
      // No kernel computes in BFloat16.
      _ = Backend.swift.kernels.adafactor[.float32, .float32].elementStatistics(
        gradient, MomentAverage(decay: 0, weight: 1, epsilon: 0, count: 1), Elements(memory, .bfloat16))
    }
    try expectMessage(of: result, toContain: "float32", "bfloat16")
  }
}
