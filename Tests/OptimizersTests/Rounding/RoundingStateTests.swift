import Foundation
import Optimizers
import Tensors
import TestSupport
import Testing

/// The state that roundings keep between steps, and the choice of a rounding.
@Suite struct RoundingStateTests {
  static let shapes: [Shape] = [[33], [7, 9], [3, 4, 5]]

  @Test(arguments: RoundingRun.all)
  func `A run that continues from its state has the same bits`(run: RoundingRun) throws {
    for rounding in Rounding.allCases {
      let whole = run.parameters(Self.shapes)
      let optimizer = try run.optimizer(whole, rounding, seed: 1 << 63 + 1)
      for step in 1...3 {
        run.setGradients(of: whole, step: step)
        try optimizer.optimizer.step()
      }
      let resumed = whole.map { Parameter($0.name, $0.value.rewritten) }
      let other = try run.optimizer(resumed, rounding, seed: 1 << 63 + 1)
      try other.resume(optimizer)
      for step in 4...6 {
        for (parameters, optimizer) in [(whole, optimizer), (resumed, other)] {
          run.setGradients(of: parameters, step: step)
          try optimizer.optimizer.step()
        }
      }
      for (left, right) in zip(whole, resumed) {
        #expect(left.value.bits == right.value.bits, "\(rounding)")
        #expect(optimizer.residual(of: left)?.bits == other.residual(of: right)?.bits, "\(rounding)")
        #expect((optimizer.residual(of: left) != nil) == (rounding == .compensated))
      }
    }
  }

  @Test(arguments: RoundingRun.all)
  func `A state with another seed is refused`(run: RoundingRun) throws {
    let (saved, here) = (run.parameters(Self.shapes), run.parameters(Self.shapes))
    let optimizers = try (
      run.optimizer(saved, .stochastic, seed: 1), run.optimizer(here, .stochastic, seed: 2)
    )
    #expect(throws: StateMismatch.self) { try optimizers.1.resume(optimizers.0) }
  }

  @Test(arguments: RoundingRun.all)
  func `A residual is discarded by a step with another rounding`(run: RoundingRun) throws {
    let parameters = run.parameters(Self.shapes)
    let optimizer = try run.optimizer(parameters, .compensated)
    run.setGradients(of: parameters, step: 1)
    try optimizer.optimizer.step()
    let bytes = optimizer.optimizer.stateByteCount
    #expect(optimizer.residual(of: parameters[0]) != nil)
    try optimizer.setRounding(.nearest)
    try optimizer.optimizer.step()
    #expect(optimizer.residual(of: parameters[0]) == nil)
    #expect(bytes - optimizer.optimizer.stateByteCount == 2 * (33 + 63 + 60))
  }

  @Test(arguments: RoundingRun.all)
  func `A skipped step adds no residual`(run: RoundingRun) throws {
    let parameter = run.parameters([[33]])[0]
    let bits = parameter.value.bits
    let optimizer = try run.optimizer([parameter], .compensated, policy: .skipParameter)
    parameter.gradient = Tensor(repeating: .nan, shape: [33])
    #expect(try optimizer.optimizer.step().steppedCount == 0)
    #expect(optimizer.residual(of: parameter) == nil && parameter.value.bits == bits)
    // Turned on later, only the residual is added and removed.
    try optimizer.setRounding(.nearest)
    run.setGradients(of: [parameter], step: 1)
    try optimizer.optimizer.step()
    try optimizer.setRounding(.compensated)
    parameter.gradient = Tensor(repeating: .nan, shape: [33])
    #expect(try optimizer.optimizer.step().steppedCount == 0)
    #expect(optimizer.residual(of: parameter) == nil && optimizer.optimizer.stateByteCount > 0)
  }

  /// The squares of a newly set value are summed before the step. Otherwise the sum of the last update is used.
  @Test(arguments: [ScalarType.bfloat16, .float16], [Rounding.stochastic, .compensated])
  func `The root mean square is computed from the stored values`(type: ScalarType, rounding: Rounding) throws
  {
    for shape in RoundingRun.shapes {
      var numbers = TestNumbers(seed: 1)
      let value = Tensor(numbers.array(shape.elementCount), shape: shape).converted(to: type)
      let (kept, set) = (Parameter("p", value), Parameter("p", value))
      let optimizers = try [kept, set].map {
        try Adafactor([$0], options: .init(rounding: rounding), threads: 2)
      }
      for step in 1...3 {
        set.value = set.value.rewritten
        let values = kept.value.doubles
        for (parameter, optimizer) in zip([kept, set], optimizers) {
          var numbers = TestNumbers(seed: step)
          parameter.gradient = Tensor(numbers.array(shape.elementCount), shape: shape)
          try optimizer.step()
        }
        #expect(kept.value.bits == set.value.bits, "\(shape), step \(step)")
        let states = [kept, set].enumerated().map { optimizers[$0].state(of: $1)!.rootMeanSquare! }
        #expect(states[0] == states[1], "\(shape), step \(step)")
        let exact = (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
        #expect((states[0] / exact - 1).magnitude < 32 * 0x1p-24, "\(shape), step \(step)")
      }
    }
  }

  @Test(arguments: RoundingRun.all)
  func `An infinite value has a residual of zero`(run: RoundingRun) throws {
    let parameter = Parameter("p", Tensor(repeating: .infinity, shape: [9]).converted(to: run.type))
    let optimizer = try run.optimizer([parameter], .compensated)
    run.setGradients(of: [parameter], step: 1)
    try optimizer.optimizer.step()
    #expect(optimizer.residual(of: parameter)?.doubles == [Double](repeating: 0, count: 9))
  }

  @Test(arguments: RoundingRun.Kind.allCases, [ScalarType.float32, .float64])
  func `Wider parameters are stored as computed under every rounding`(
    kind: RoundingRun.Kind, type: ScalarType
  ) throws {
    let run = RoundingRun(kind: kind, type: type, backend: .default)
    func bits(_ rounding: Rounding) throws -> [Bits] {
      let parameters = run.parameters(Self.shapes)
      let optimizer = try run.optimizer(parameters, rounding)
      run.setGradients(of: parameters, step: 1)
      try optimizer.optimizer.step()
      #expect(optimizer.residual(of: parameters[0]) == nil)
      return parameters.map(\.value.bits)
    }
    let nearest = try bits(.nearest)
    #expect(try bits(.stochastic) == nearest && bits(.compensated) == nearest)
  }

  @Test func `A residual that does not fit is refused`() throws {
    func state(_ residual: Tensor) -> Adafactor.State {
      Adafactor.State(
        step: 1, rowMoments: Tensor(zeros: [2]), columnMoments: Tensor(zeros: [3]), residual: residual)
    }
    let good = Tensor(zeros: [2, 3], as: .bfloat16)
    try Adafactor.Options().check(state(good), parameter: "p", shape: [2, 3], scalarType: .bfloat16)
    for (residual, type) in [
      (good, ScalarType.float16), (good, .float32), (Tensor(zeros: [2, 3]), .float32),
      (Tensor(zeros: [2, 3]), .bfloat16), (Tensor(zeros: [6], as: .bfloat16), .bfloat16),
    ] {
      #expect(throws: OptimizerError.self, "\(residual.shape) \(residual.scalarType) for \(type)") {
        try Adafactor.Options().check(state(residual), parameter: "p", shape: [2, 3], scalarType: type)
      }
    }
  }

  @Test func `Settings include rounding and seed`() throws {
    func check<Options: RoundedRule>(_: Options.Type) throws {
      func decode(_ text: String) throws -> Options {
        try JSONDecoder().decode(Options.self, from: Data(text.utf8))
      }
      let defaults = try decode("{}")
      #expect(defaults.rounding == .nearest && defaults.roundingSeed == 0)
      let chosen = try decode(#"{"rounding": "stochastic", "rounding_seed": 18446744073709551615}"#)
      #expect(chosen.rounding == .stochastic && chosen.roundingSeed == .max)
      #expect(try decode(#"{"rounding": "compensated"}"#).rounding == .compensated)
      let encoded = String(decoding: try JSONEncoder().encode(chosen), as: UTF8.self)
      #expect(try decode(encoded) == chosen)
      #expect(throws: DecodingError.self) { try decode(#"{"rounding": "upwards"}"#) }
    }
    try check(Adafactor.Options.self)
    try check(AdamW.Options.self)
  }
}
