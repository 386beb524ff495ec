import Optimizers
import Tensors
import TestSupport
import Testing

/// Whole steps on the Swift kernels compiled for AVX2 and on the baseline: the same bits on any processor.
@Suite(.comparingKernelCopies) struct ProcessorTests {
  /// Every form of blocks: elements, rows, narrow rows, columns, whole matrices, small matrices of each kind.
  static let shapes: [Shape] = [
    [], [1], [37], [40_000], [5, 7], [129, 130], [64, 64], [300, 257], [40_000, 3], [3, 40_000], [17, 5_000],
    [90, 3, 3], [4, 33, 65], [9, 5, 7], [1, 20_000], [300, 5, 1, 1],
  ]

  static let adafactor: [Adafactor.Options] = [
    .init(), .init(beta1: 0.9, weightDecay: 0.01), .init(beta1: 0.9, rounding: .stochastic),
    .init(weightDecay: 0.01, rounding: .compensated),
  ]

  static let adamW: [AdamW.Options] = [
    .init(), .init(weightDecay: 0, amsgrad: true), .init(rounding: .stochastic),
    .init(amsgrad: true, rounding: .compensated),
  ]

  @Test(arguments: shapes, ScalarType.allCases)
  func `Both copies give steps of Adafactor the same bits`(shape: Shape, type: ScalarType) throws {
    for options in Self.adafactor {
      try expectSameBits("\(options)") {
        try bits(shape, type) { try Adafactor([$0], options: options, backend: .swift, threads: 2) }
      }
    }
  }

  @Test(arguments: [[], [37], [40_000], [129, 130]] as [Shape], ScalarType.allCases)
  func `Both copies give steps of AdamW the same bits`(shape: Shape, type: ScalarType) throws {
    for options in Self.adamW {
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

  /// The bits of a parameter and its state after three steps with gradients of each type.
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
