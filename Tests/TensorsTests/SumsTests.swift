import Tensors
import TestSupport
import Testing

@Suite("Tensor: sums, means, sums of squares", .serialized)
struct SumsTests {
  static let shapes: [Shape] = [
    [1, 1], [3, 5], [17, 300], [600, 7], [2, 3, 4], [5, 4, 3, 3], [0, 4], [4, 0], [2, 0, 3], [0, 3, 3],
  ]
  static let cases = Backend.available.flatMap { backend in
    ScalarType.allCases.flatMap { type in shapes.map { (backend, type, $0) } }
  }

  @Test(arguments: cases)
  func `Rows and columns of each trailing matrix are summed`(backend: Backend, type: ScalarType, shape: Shape)
  {
    var generator = SeededGenerator(seed: 1)
    let x = Tensor(normal: shape, as: type, using: &generator)
    let values = x.doubles
    let (batch, rows, columns) = (shape.batchCount, shape.rows, shape.columns)
    func element(_ b: Int, _ i: Int, _ j: Int) -> Double { values[(b * rows + i) * columns + j] }
    let rowTerms = (0..<batch).flatMap { b in (0..<rows).map { i in (0..<columns).map { element(b, i, $0) } }
    }
    let columnTerms = (0..<batch).flatMap { b in
      (0..<columns).map { j in (0..<rows).map { element(b, $0, j) } }
    }

    Backend.withDefault(backend) {
      check(x.sum(axis: -1), rowTerms, type) { $0.reduce(0, +) }
      check(x.sum(axis: -2), columnTerms, type) { $0.reduce(0, +) }
      check(x.sumOfSquares(axis: -1), rowTerms, type) { $0.reduce(0) { $0 + $1 * $1 } }
      check(x.sumOfSquares(axis: -2), columnTerms, type) { $0.reduce(0) { $0 + $1 * $1 } }
      check(x.mean(axis: -1), rowTerms, type) { $0.reduce(0, +) / Double($0.count) }
      check(x.mean(axis: -2), columnTerms, type) { $0.reduce(0, +) / Double($0.count) }
      #expect(x.sum(axis: -1).shape.dimensions == Array(shape.dimensions.dropLast()))
      #expect(x.sum(axis: -2).shape.dimensions == shape.dimensions.dropLast(2) + [columns])
    }
  }

  private func check(
    _ found: Tensor, _ terms: [[Double]], _ type: ScalarType, _ oracle: ([Double]) -> Double
  ) {
    #expect(found.scalarType == type.arithmeticType)
    let roundoff = type.arithmeticType == .float64 ? 0x1p-53 : 0x1p-24
    for (value, terms) in zip(found.doubles, terms) {
      let expected = oracle(terms)
      if expected.isNaN {
        #expect(value.isNaN && terms.isEmpty)
      } else {
        let magnitude = oracle(terms.map(\.magnitude))
        #expect((value - expected).magnitude <= Double(terms.count + 4) * roundoff * magnitude)
      }
    }
    #expect(found.elementCount == terms.count)
  }

  @Test(arguments: Backend.available, ScalarType.allCases)
  func `The sum, mean and root mean square of all elements are exact`(backend: Backend, type: ScalarType) {
    Backend.withDefault(backend) {
      let x = Tensor(shape: [3, 50, 7], as: type) { Double($0 % 11) - 3 }
      let values = x.doubles
      // Small whole numbers, so that every partial sum is exact.
      #expect(x.sum() == values.reduce(0, +))
      #expect(x.mean() == values.reduce(0, +) / 1050)
      let squares = values.reduce(0) { $0 + $1 * $1 }
      #expect(x.sumOfSquares() == squares)
      #expect(x.rootMeanSquare() == (squares / 1050).squareRoot())
      #expect(x.dot(x) == squares)
      #expect(Tensor(zeros: [0, 4], as: type).sum() == 0)
      #expect(Tensor(zeros: [0, 4], as: type).mean().isNaN)
      #expect(Tensor(zeros: [0, 4], as: type).rootMeanSquare().isNaN)
    }
  }

  @Test(arguments: Backend.available)
  func `The root mean square neither overflows nor underflows`(backend: Backend) {
    Backend.withDefault(backend) {
      for value in [1e30, 1e-30, 3e-44, 1e19, 1e-19] {
        let exact = Double(Float(value))
        let rms = Tensor(repeating: value, shape: [1000]).rootMeanSquare()
        #expect((rms - exact).magnitude <= 1e-6 * exact, "\(value)")
      }
      for size in [0x1p-1060, 1e-200, 1e200, 1.7e308] {
        let rms = Tensor([size, 0, size, 0], shape: [4], as: .float64).rootMeanSquare()
        #expect(abs(rms / size * 2.0.squareRoot() - 1) < (size < 1e-300 ? 1e-3 : 1e-14))
      }
      #expect(Tensor([1, .infinity]).rootMeanSquare() == .infinity)
      #expect(Tensor([1, .nan]).rootMeanSquare().isNaN)
    }
  }

  @Test
  func `argMax finds the largest element of each row, the first of equal ones, and NaN before all others`() {
    let x = Tensor([[1, 5, 2], [7, 7, 0], [-3, -1, -2], [0, .nan, 9]])
    #expect(x.argMax(axis: -1) == [1, 0, 1, 1])
    #expect(x.converted(to: .float64).argMax(axis: -1) == [1, 0, 1, 1])
    #expect(x.converted(to: .bfloat16).argMax(axis: -1) == [1, 0, 1, 1])
    #expect(Tensor(zeros: [0, 3]).argMax(axis: -1) == [])
  }

  @Test func `An axis counts from either end`() {
    let x = Tensor([[1, 5, 2], [7, 7, 0]])
    #expect(x.sum(axis: 0) == x.sum(axis: -2) && x.sum(axis: 1) == x.sum(axis: -1))
    #expect(x.mean(axis: 0) == x.mean(axis: -2) && x.mean(axis: 1) == x.mean(axis: -1))
    #expect(x.sumOfSquares(axis: 0) == x.sumOfSquares(axis: -2))
    #expect(x.sumOfSquares(axis: 1) == x.sumOfSquares(axis: -1))
    #expect(x.sum(axis: 0) == Tensor([8, 12, 2]) && x.sum(axis: 1) == Tensor([8, 14]))
    #expect(x.argMax(axis: 1) == x.argMax(axis: -1))
    let stack = Tensor(ones: [2, 3, 4])
    #expect(stack.sum(axis: 1).shape == [2, 4] && stack.sum(axis: 2).shape == [2, 3])
  }

  @Test func `A missing axis traps`() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor([1, 2]).sum(axis: -2)
    }
    try expectMessage(of: result, toContain: "Axis -2", "[2]")
  }

  @Test func `Axes other than the last two trap`() async throws {
    let sum = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(zeros: [2, 3, 4]).sum(axis: 0)
    }
    try expectMessage(of: sum, toContain: "second-last (-2) of [2, 3, 4]; the axis is 0")
    let argMax = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(zeros: [2, 3]).argMax(axis: -2)
    }
    try expectMessage(of: argMax, toContain: "last axis (-1) of [2, 3]; the axis is -2")
  }
}
