import Optimizers
import Tensors
import TestSupport
import Testing

/// Whole steps on the Swift kernels compiled for AVX2 and for the baseline have the same bits on any processor.
@Suite(.comparingKernelCopies) struct ProcessorTests {
  /// Every form of blocks: elements, rows, narrow rows, columns, whole matrices, small matrices of each kind.
  static let shapes: [Shape] = [
    [], [1], [37], [17_000], [5, 7], [64, 64], [129, 130], [200, 131], [6_000, 3], [3, 6_000], [17, 1_100],
    [1, 17_000], [90, 3, 3], [4, 33, 65], [9, 5, 7], [300, 5, 1, 1],
  ]

  static let adafactor: [Adafactor.Options] = [
    .init(), .init(beta1: 0.9, weightDecay: 0.01), .init(beta1: 0.9, rounding: .stochastic),
    .init(weightDecay: 0.01, rounding: .compensated),
  ]

  static let adamW: [AdamW.Options] = [
    .init(), .init(weightDecay: 0, amsgrad: true), .init(rounding: .stochastic),
    .init(amsgrad: true, rounding: .compensated),
  ]

  /// Returns whether a rounding has an effect for this type.
  private func isOf(_ type: ScalarType, _ rounding: Rounding) -> Bool {
    rounding == .nearest || type.byteCount == 2
  }

  @Test(arguments: shapes, ScalarType.allCases)
  func `Both copies give steps of Adafactor the same bits`(shape: Shape, type: ScalarType) throws {
    for options in Self.adafactor where isOf(type, options.rounding) {
      try expectSameBits("\(options)") {
        try bits(shape, type) { try Adafactor([$0], options: options, backend: .swift, threads: 2) }
      }
    }
  }

  @Test(arguments: [[], [37], [17_000], [5, 7, 11]] as [Shape], ScalarType.allCases)
  func `Both copies give steps of AdamW the same bits`(shape: Shape, type: ScalarType) throws {
    for options in Self.adamW where isOf(type, options.rounding) {
      try expectSameBits("\(options)") {
        try bits(shape, type) { try AdamW([$0], options: options, backend: .swift, threads: 2) }
      }
    }
  }

  private func expectSameBits(_ name: String, _ run: () throws -> [String: Bits]) throws {
    let here = try run()
    let baseline = try SwiftKernelChoice.$usesBaseline.withValue(true, operation: run)
    #expect(here.keys == baseline.keys, "\(name)")
    for (part, bits) in here { #expect(bits == baseline[part], "\(part) with \(name)") }
  }

  /// Returns the bits of a parameter and its state after three steps with gradients of each type.
  private func bits<Rule: UpdateRule>(
    _ shape: Shape, _ type: ScalarType, _ make: (Parameter) throws -> RuleOptimizer<Rule>
  ) throws -> [String: Bits] {
    var generator = SeededGenerator(seed: 11)
    let parameter = Parameter("p", Tensor(normal: shape, using: &generator).converted(to: type))
    let optimizer = try make(parameter)
    for gradientType in [type, .float32, .bfloat16] {
      parameter.gradient = Tensor(normal: shape, using: &generator).converted(to: gradientType)
      #expect(try optimizer.step().steppedCount == 1)
    }
    let state = try #require(optimizer.state(of: parameter))
    return state.tensors.mapValues(\.bits).merging(["value": parameter.value.bits]) { $1 }
  }
}
