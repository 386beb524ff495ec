import Optimizers
import Tensors
import TestSupport

/// Either optimizer with a rounding, with the operations that the tests of rounding need.
struct RoundingRun: Sendable, CustomStringConvertible {
  enum Kind: String, CaseIterable { case adafactor, adamw }

  let kind: Kind
  let type: ScalarType
  let backend: Backend

  var description: String { "\(kind), \(type), \(backend.rawValue)" }

  static let all = Kind.allCases.flatMap { kind in
    [ScalarType.bfloat16, .float16].flatMap { type in
      Backend.available.map { RoundingRun(kind: kind, type: type, backend: $0) }
    }
  }

  /// Each block form: elements in one block and several, rows, columns, matrices, small matrices.
  static let shapes: [Shape] = [
    [], [7], [16_389], [128, 130], [4, 4_200], [2, 40, 60], [13, 9], [3, 4, 5], [260, 3, 3],
  ]

  /// Returns parameters in −1 ..< 1, of irregular shapes.
  func parameters(_ shapes: [Shape] = shapes) -> [Parameter] {
    shapes.enumerated().map { index, shape in
      var numbers = TestNumbers(seed: index + 1)
      return Parameter(
        "p\(index)", Tensor(numbers.array(shape.elementCount), shape: shape).converted(to: type))
    }
  }

  func setGradients(of parameters: [Parameter], step: Int) {
    for (index, parameter) in parameters.enumerated() {
      let shape = parameter.value.shape
      var numbers = TestNumbers(seed: 100 * step + index)
      parameter.gradient = Tensor(numbers.array(shape.elementCount), shape: shape)
    }
  }

  /// Returns an optimizer with decay and, if the kind has it, momentum, so that updates include every term.
  func optimizer(
    _ parameters: [Parameter], _ rounding: Rounding, seed: UInt64 = 0, threads: Int = 2,
    policy: NonFinitePolicy = .propagate
  ) throws -> RoundingOptimizer {
    switch kind {
    case .adafactor:
      .adafactor(
        try Adafactor(
          parameters,
          options: .init(
            learningRate: .constant(0.01), beta1: 0.5, weightDecay: 0.1, scaleParameter: false,
            rounding: rounding,
            roundingSeed: seed), nonFinitePolicy: policy, backend: backend, threads: threads))
    case .adamw:
      .adamW(
        try AdamW(
          parameters,
          options: .init(
            learningRate: 0.01, weightDecay: 0.1, amsgrad: true, rounding: rounding, roundingSeed: seed),
          nonFinitePolicy: policy, backend: backend, threads: threads))
    }
  }

  /// Returns an optimizer with steps that move every element by `rate` against a constant gradient.
  func constantSteps(
    _ parameters: [Parameter], rate: Double, _ rounding: Rounding, seed: UInt64 = 3
  ) throws -> RoundingOptimizer {
    switch kind {
    case .adafactor:
      .adafactor(
        try Adafactor(
          parameters,
          options: .init(
            learningRate: .constant(rate), scaleParameter: false, rounding: rounding, roundingSeed: seed),
          backend: backend, threads: 1))
    case .adamw:
      .adamW(
        try AdamW(
          parameters,
          options: .init(learningRate: rate, weightDecay: 0, rounding: rounding, roundingSeed: seed),
          backend: backend, threads: 1))
    }
  }
}

/// One of the two optimizers.
enum RoundingOptimizer {
  case adafactor(Adafactor)
  case adamW(AdamW)

  var optimizer: Optimizer {
    switch self {
    case .adafactor(let optimizer): optimizer
    case .adamW(let optimizer): optimizer
    }
  }

  func residual(of parameter: Parameter) -> Tensor? {
    switch self {
    case .adafactor(let optimizer): optimizer.state(of: parameter)?.residual
    case .adamW(let optimizer): optimizer.state(of: parameter)?.residual
    }
  }

  func setRounding(_ rounding: Rounding) throws {
    switch self {
    case .adafactor(let optimizer): try optimizer.updateOptions(ofGroup: 0) { $0.rounding = rounding }
    case .adamW(let optimizer): try optimizer.updateOptions(ofGroup: 0) { $0.rounding = rounding }
    }
  }

  /// Continues from the state of another optimizer, which is taken apart and put together as for a file.
  func resume(_ other: RoundingOptimizer) throws {
    func parts<S: ParameterState>(_ state: S) -> any ParameterState {
      S(step: state.step, tensors: state.tensors.mapValues(\.rewritten), numbers: state.numbers)
    }
    switch (self, other) {
    case (.adafactor(let optimizer), .adafactor(let other)):
      var state = other.state()
      state.parameters = state.parameters.mapValues { parts($0) }
      try optimizer.restore(state)
    case (.adamW(let optimizer), .adamW(let other)):
      var state = other.state()
      state.parameters = state.parameters.mapValues { parts($0) }
      try optimizer.restore(state)
    default: preconditionFailure("states of different optimizers")
    }
  }
}

extension ScalarType {
  /// The unit roundoff of a 16-bit type.
  var sixteenBitRoundoff: Double { self == .bfloat16 ? 0x1p-8 : 0x1p-11 }

  /// The value of a residual of 1.
  var residualUnit: Double { self == .bfloat16 ? 1 : 0x1p-11 }
}
