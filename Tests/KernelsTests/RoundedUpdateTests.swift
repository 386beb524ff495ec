import KernelInterface
import Tensors
import TestSupport
import Testing

/// Tests updates of 16-bit parameters with other roundings than to nearest, which kernels make tile by tile.
///
/// The oracle is the update in one piece: every element is converted to Float, updated by the kernel for
/// Float parameters, and rounded. `ConversionKernelTests` and the tests of the updates compare these parts
/// with Double. The sizes are around the sizes of tiles.
@Suite struct RoundedUpdateTests {
  /// A 16-bit type and a rounding.
  struct Case: CustomTestStringConvertible, Sendable {
    let type: ScalarType
    let isCompensated: Bool

    var testDescription: String { "\(type.rawValue), \(isCompensated ? "compensated" : "stochastic")" }

    static let all = [ScalarType.bfloat16, .float16].flatMap { type in
      [false, true].map { Case(type: type, isCompensated: $0) }
    }
  }

  static let pieces: [(rows: Int, columns: Int, gap: Int)] = [
    (1, 5_000, 0), (3, 2_100, 0), (40, 300, 0), (700, 3, 0), (5, 700, 3), (3, 2_500, 5), (0, 5, 0),
  ]

  @Test(arguments: Case.all, pieces)
  func `A factored update uses the factors of each tile`(
    each: Case, shape: (rows: Int, columns: Int, gap: Int)
  ) {
    check(each, rows: shape.rows, columns: shape.columns, gap: shape.gap) {
      type, parameter, change, gradient in
      let (a, b) = (positives(shape.rows, seed: 5), positives(shape.columns, seed: 6))
      let squares = Backend.swift.kernels.adafactor[type, .float32].updateFactored(
        parameter, gradient, a.reading, b.reading, change)
      #expect(a.isUnchanged && b.isUnchanged)
      return ([], squares)
    }
  }

  static let counts = [1, 2_048, 2_049, 5_000]

  @Test(arguments: Case.all, counts)
  func `An elementwise update uses the moments of each tile`(each: Case, count: Int) {
    check(each, rows: 1, columns: count) { type, parameter, change, gradient in
      let moments = positives(count, seed: 5)
      let squares = Backend.swift.kernels.adafactor[type, .float32].updateElements(
        parameter, gradient, Self.average, moments.writing, 0.7, change)
      return ([moments], squares)
    }
  }

  @Test(arguments: Case.all, counts)
  func `AdamW uses the moments of each tile`(each: Case, count: Int) {
    check(each, rows: 1, columns: count) { type, parameter, change, gradient in
      let moments = (5...7).map { positives(count, seed: $0) }
      _ = Backend.swift.kernels.adamW[type, .float32].update(
        parameter, gradient,
        AdamWMoments(first: moments[0].writing, second: moments[1].writing, maximum: moments[2].writing),
        AdamWFactors(beta1: 0.9, beta2: 0.99, factor: 0.01, epsilon: 1e-8), change)
      return (moments, nil)
    }
  }

  static let batches: [(count: Int, rows: Int, columns: Int)] = [
    (700, 3, 3), (700, 3, 2), (5_000, 1, 1), (40, 11, 11), (0, 3, 3),
  ]

  @Test(arguments: Case.all, batches)
  func `Small matrices use the moments of each tile`(
    each: Case, batch: (count: Int, rows: Int, columns: Int)
  ) {
    let (count, rows, columns) = batch
    check(each, rows: 1, columns: count * rows * columns) { type, parameter, change, gradient in
      let (r, c) = (positives(count * rows, seed: 5), positives(count * columns, seed: 6))
      let batch = MatrixBatch(
        gradient.elements, scale: gradient.scale, count: count, rows: rows, columns: columns,
        average: Self.average)
      let squares = Backend.swift.kernels.adafactor[type, .float32].updateSmallMatrices(
        parameter, batch, r.writing, c.writing, 0.7, change)
      return ([r, c], squares)
    }
  }

  // MARK: The oracle

  private static let average = MomentAverage(decay: 0.78, weight: 0.22, epsilon: 1e-3, count: 1)

  private func positives(_ count: Int, seed: Int) -> TestElements {
    var numbers = TestNumbers(seed: seed)
    return TestElements(numbers.spread(count: count, Double.self).map { $0.magnitude + 0.0625 }, .float32)
  }

  /// An update of a parameter of this type. It returns the moments, and Σ p² if the kernel does.
  private typealias Update = (
    _ type: ScalarType, _ parameter: MutableElements, _ change: ParameterChange, _ gradient: GradientPiece
  ) -> (moments: [TestElements], squares: Double?)

  private func check(_ each: Case, rows: Int, columns: Int, gap: Int = 0, _ update: Update) {
    func matrix(_ type: ScalarType, seed: Int) -> TestElements {
      var numbers = TestNumbers(seed: seed)
      return TestElements(
        numbers.spread(count: rows * columns), type, rows: rows, columns: columns, gap: gap)
    }
    /// Returns a parameter, the average of its updates, and its residual.
    func subject() -> [TestElements] {
      [matrix(each.type, seed: 1), matrix(.float32, seed: 2), matrix(each.type, seed: 3)]
    }
    func rounding(_ residual: TestElements) -> ParameterRounding {
      each.isCompensated
        ? .compensated(residual: residual.writing) : .stochastic(key: 0x1234_5678_9ABC_DEF0, first: 5)
    }
    let gradient = matrix(.float32, seed: 4)
    let piece = gradient.piece(scale: 1.0 / 3)

    let found = subject()
    let change = ParameterChange(
      shrinkage: 0.0625, momentum: (found[1].writing, 0.9), rounding: rounding(found[2]))
    let (moments, squares) = update(each.type, found[0].writing, change, piece)

    let expected = subject()
    let wide = matrix(.float32, seed: 1)
    let (conversion, count) = (Backend.swift.kernels.conversion, max(0, rows * wide.stride - gap))
    let floats = wide.writing.address.assumingMemoryBound(to: Float.self)
    conversion.unround(expected[0].reading, rounding(expected[2]), count, floats)
    let wideChange = ParameterChange(shrinkage: 0.0625, momentum: (expected[1].writing, 0.9))
    let (expectedMoments, _) = update(.float32, wide.writing, wideChange, piece)
    conversion.round(floats, rounding(expected[2]), count, expected[0].writing)
    withExtendedLifetime(wide) {}
    #expect(gradient.isUnchanged)

    for (name, pair) in zip(["parameter", "momentum", "residual"], zip(found, expected)) {
      #expect(pair.0.values == pair.1.values, "\(name)")
      #expect(pair.0.marginsAreIntact, "\(name)")
    }
    for (found, expected) in zip(moments, expectedMoments) {
      #expect(found.values == expected.values && found.marginsAreIntact, "second moments")
    }
    if let squares {
      let kernels = Backend.swift.kernels.adafactor[each.type, .float32]
      #expect(squares == kernels.sumOfSquares(found[0].reading, rows, columns, found[0].stride))
    }
  }
}
