import Optimizers
import Schedules
import Tensors
import TestSupport
import Testing

/// A user's own rules, on tensors and on blocks. They get everything that the library's optimizers have.
@Suite struct OwnRuleTests {
  static let shapes: [Shape] = [[], [7], [40_000], [130, 257], [3, 4, 5], [0, 3]]

  private static func gradient(_ shape: Shape, _ step: Int) -> Tensor {
    var numbers = TestNumbers(seed: step)
    return Tensor(numbers.array(shape.elementCount), shape: shape)
  }

  /// Compares three steps of both rules with the oracle, to a few roundings of Float.
  private func compare(
    _ optimizer: Optimizer, _ parameters: [Parameter], _ oracles: inout [MomentumOracle], scale: Double = 1
  ) throws {
    for step in 1...3 {
      for (index, parameter) in parameters.enumerated() {
        let gradient = Self.gradient(parameter.value.shape, 10 * step + index)
        parameter.gradient = gradient
        parameter.gradientScale = scale
        oracles[index].step(gradient, scale: scale)
      }
      let report = try optimizer.step()
      #expect(report.steppedCount == parameters.count)
      for (parameter, oracle) in zip(parameters, oracles) {
        let agrees = zip(parameter.value.scalars(as: Double.self), oracle.parameter).allSatisfy {
          abs($0 - $1) <= 4e-6 * max(1, abs($1))
        }
        #expect(agrees, "\(parameter) after step \(step)")
      }
    }
  }

  private func parameters() -> [Parameter] {
    Self.shapes.enumerated().map { Parameter("\($0)", Self.gradient($1, 99 + $0)) }
  }

  @Test(arguments: Backend.available, [1, 3])
  func `A rule on tensors takes its steps, for any number of threads`(
    backend: Backend, threads: Int
  ) throws {
    let rule = MomentumRule(learningRate: 0.05, weightDecay: 0.1)
    let parameters = parameters()
    var oracles = parameters.map { MomentumOracle($0.value, rule) }
    let optimizer = try RuleOptimizer(parameters, options: rule, backend: backend, threads: threads)
    try compare(optimizer, parameters, &oracles, scale: 0.5)
    #expect(optimizer.state(of: parameters[1])?.step == 3)
    #expect(optimizer.stateByteCount == parameters.reduce(0) { $0 + $1.value.byteCount })
  }

  @Test(arguments: Backend.available, [1, 3])
  func `An elementwise rule takes the same steps`(backend: Backend, threads: Int) throws {
    let rule = ElementwiseMomentumRule(learningRate: 0.05, weightDecay: 0.1)
    let parameters = parameters()
    var oracles = parameters.map {
      MomentumOracle($0.value, MomentumRule(learningRate: 0.05, weightDecay: 0.1))
    }
    let optimizer = try RuleOptimizer(parameters, options: rule, backend: backend, threads: threads)
    try compare(optimizer, parameters, &oracles, scale: 0.5)
  }

  @Test func `The update of an elementwise rule on a whole tensor has the engine's bits`() throws {
    let rule = ElementwiseMomentumRule(weightDecay: 0.1)
    let (parameter, gradient) = (Parameter("p", Self.gradient([9_000], 1)), Self.gradient([9_000], 2))
    var (value, state) = (parameter.value, rule.initialState(shape: [9_000], scalarType: .float32))
    let optimizer = try RuleOptimizer([parameter], options: rule)
    parameter.gradient = gradient
    try optimizer.step()
    state.step = 1
    rule.update(&value, gradient: gradient, state: &state)
    #expect(value.bits == parameter.value.bits && state == optimizer.state(of: parameter))
  }

  @Test(arguments: [ScalarType.bfloat16, .float16], Rounding.allCases)
  func `An elementwise rule rounds 16-bit parameters by its option`(type: ScalarType, rounding: Rounding)
    throws
  {
    let start = Tensor(ones: [300], as: type)
    let parameter = Parameter("p", start)
    let rule = ElementwiseMomentumRule(
      learningRate: 1e-3, momentum: 0, rounding: rounding, roundingSeed: 3)
    let optimizer = try RuleOptimizer([parameter], options: rule)
    // 1,000 steps of 10⁻⁴, each below half a unit in the last place of 1: −0.1 in total.
    for _ in 0..<1_000 {
      parameter.gradient = Tensor(repeating: 0.1, shape: [300])
      try optimizer.step()
    }
    let displacement = parameter.value.converted(to: .float32).mean() - 1
    switch rounding {
    case .nearest: #expect(displacement == 0)
    // The standard deviation of the mean is at most √(1000 · 2⁻⁸ · 10⁻⁴ / 300) < 1.2·10⁻³.
    case .stochastic: #expect(abs(displacement + 0.1) < 6e-3)
    // Half a unit in BFloat16's last place below 1, and the rounding of residuals to 8 bits.
    case .compensated: #expect(abs(displacement + 0.1) < 4e-3)
    }
    #expect((optimizer.state(of: parameter)?.tensors["residual"] != nil) == (rounding == .compensated))
  }

  @Test(arguments: [ScalarType.bfloat16, .float16])
  func `A rule on tensors is computed in Float32 for 16-bit parameters`(type: ScalarType) throws {
    let (start, gradient) = (Self.gradient([300], 1).converted(to: type), Self.gradient([300], 2))
    let parameter = Parameter("p", start)
    let rule = MomentumRule(weightDecay: 0.1)
    let optimizer = try RuleOptimizer([parameter], options: rule)
    var oracle = MomentumOracle(start, rule)
    parameter.gradient = gradient
    try optimizer.step()
    oracle.step(gradient)
    let momentum = optimizer.state(of: parameter)?.tensors["momentum"]
    #expect(momentum == gradient, "a Float32 gradient reaches the momentum with all its bits")
    let expected = Tensor(scalars: oracle.parameter, shape: [300]).converted(to: .float32).converted(to: type)
    let differing = zip(parameter.value.scalars(as: Double.self), expected.scalars(as: Double.self)).count {
      $0 != $1
    }
    // Float32 and Double round to different neighbors only near a midpoint: in at most 1 of 2¹².
    #expect(parameter.value.scalarType == type && differing <= 1)

    // The state for the caller's own memory has the same types.
    let inPlace = try InPlaceUpdate(options: rule)
    #expect(inPlace.initialState(shape: [2], scalarType: type).tensors["momentum"]?.scalarType == .float32)
  }

  @Test(arguments: [ScalarType.bfloat16, .float16], Rounding.allCases)
  func `A rule on tensors rounds with the same bits as an elementwise rule`(
    type: ScalarType, rounding: Rounding
  ) throws {
    let start = Self.gradient([300], 1).converted(to: type)
    let (parameters, name) = ([Parameter("p", start), Parameter("p", start)], "residual")
    let onTensors = try RuleOptimizer(
      [parameters[0]], options: RoundedTensorRule(learningRate: 1e-3, rounding: rounding, roundingSeed: 3))
    let onBlocks = try RuleOptimizer(
      [parameters[1]],
      options: ElementwiseMomentumRule(
        learningRate: 1e-3, momentum: 0, rounding: rounding, roundingSeed: 3))
    for step in 0..<20 {
      for parameter in parameters { parameter.gradient = Self.gradient([300], step) }
      try onTensors.step()
      try onBlocks.step()
    }
    #expect(parameters[0].value == parameters[1].value)
    let residual = onTensors.state(of: parameters[0])?.tensors[name]
    #expect(residual == onBlocks.state(of: parameters[1])?.tensors[name])
    #expect((residual != nil) == (rounding == .compensated))
    // A restored residual continues, and a step with another rounding discards it.
    let saved = onTensors.state()
    try onTensors.restore(saved)
    #expect(onTensors.state(of: parameters[0])?.tensors[name] == residual)
    try onTensors.updateOptions(ofGroup: 0) { $0.rounding = .nearest }
    try onTensors.step()
    #expect(onTensors.state(of: parameters[0])?.tensors[name] == nil)
  }

  @Test func `Every element of an elementwise rule has its own residual and its own random bits`() throws {
    func values(_ rounding: Rounding) throws -> [Float] {
      let start = (0..<5_000).map { Float($0 < 2_048 ? 1 : 0.703125) }
      let parameter = Parameter("p", Tensor(start, shape: [5_000]).converted(to: .bfloat16))
      let rule = ElementwiseMomentumRule(learningRate: 1e-3, momentum: 0, rounding: rounding)
      let optimizer = try RuleOptimizer([parameter], options: rule)
      for _ in 0..<40 {
        parameter.gradient = Tensor(repeating: 1, shape: [5_000])
        try optimizer.step()
      }
      return parameter.value.scalars(as: Float.self)
    }
    // Equal elements stay equal in all tiles, and move by 40 · 10⁻³, to half a unit in the last place.
    let compensated = try values(.compensated)
    let (first, others) = (Set(compensated[..<2_048]), Set(compensated[2_048...]))
    #expect(first.count == 1 && others.count == 1)
    #expect(abs(compensated[0] - 0.96) <= 0x1p-9 && abs(compensated[4_999] - 0.663125) <= 0x1p-9)
    // The same positions in two tiles.
    let stochastic = try values(.stochastic)
    #expect(stochastic[2_100..<2_900] != stochastic[4_148..<4_948])
  }

  @Test(arguments: NonFinitePolicy.allCases, [true, false])
  func `Both kinds of rules follow the policies`(policy: NonFinitePolicy, isElementwise: Bool) throws {
    let parameters = [Parameter("good", Tensor(ones: [3])), Parameter("bad", Tensor(ones: [20_000]))]
    let optimizer: Optimizer =
      isElementwise
      ? try RuleOptimizer(
        parameters, options: ElementwiseMomentumRule(), nonFinitePolicy: policy, threads: 2)
      : try RuleOptimizer(parameters, options: MomentumRule(), nonFinitePolicy: policy, threads: 2)
    var bad = Tensor(ones: [20_000])
    bad[19_999] = .nan
    (parameters[0].gradient, parameters[1].gradient) = (Tensor(ones: [3]), bad)
    let untouched = (Tensor(ones: [3]), Tensor(ones: [20_000]))
    switch policy {
    case .propagate:
      #expect(try optimizer.step() == StepReport(steppedCount: 2, nonFinite: ["bad"]))
      #expect(parameters[1].value[19_999].isNaN && parameters[1].value[0] < 1)
    case .skipParameter:
      #expect(try optimizer.step() == StepReport(steppedCount: 1, nonFinite: ["bad"]))
      #expect(parameters[0].value != untouched.0 && parameters[1].value == untouched.1)
    case .skipStep:
      #expect(try optimizer.step() == StepReport(steppedCount: 0, nonFinite: ["bad"]))
      #expect(parameters[0].value == untouched.0 && parameters[1].value == untouched.1)
      #expect(optimizer.stateByteCount == 0)
    case .throwError:
      #expect(throws: OptimizerError.nonFiniteGradient(parameter: "bad")) { try optimizer.step() }
      #expect(parameters[0].value == untouched.0 && parameters[1].value == untouched.1)
      #expect(optimizer.stateByteCount == 0)
    }
  }

  @Test func `A state of tensors that the rule does not have is refused`() throws {
    let parameter = Parameter("p", Tensor(ones: [3]))
    let optimizer = try RuleOptimizer([parameter], options: MomentumRule())
    for tensors in [
      [:], ["momentum": Tensor(zeros: [4])], ["momentum": Tensor(zeros: [3], as: .float64)],
      ["momentum": Tensor(zeros: [3]), "other": Tensor(zeros: [3])],
    ] {
      #expect(throws: OptimizerError.self, "\(tensors.keys)") {
        try optimizer.setState(MomentState(step: 1, tensors: tensors, numbers: [:]), of: parameter)
      }
    }
    #expect(throws: OptimizerError.self) {
      try optimizer.setState(
        MomentState(step: -1, tensors: ["momentum": Tensor(zeros: [3])], numbers: [:]), of: parameter)
    }
    #expect(optimizer.state(of: parameter) == nil)
  }

  @Test func `Options out of range are refused, and a rate set on a group is kept`() throws {
    let parameter = Parameter("p", Tensor(ones: [3]))
    #expect(throws: OptimizerError.self) {
      try RuleOptimizer([parameter], options: MomentumRule(learningRate: .nan))
    }
    let optimizer = try RuleOptimizer([parameter], options: MomentumRule())
    #expect(throws: OptimizerError.self) { try optimizer.updateOptions(ofGroup: 0) { $0.weightDecay = -1 } }
    optimizer.groups[0].learningRate = 0.25
    #expect(optimizer.groups[0].options == MomentumRule(learningRate: 0.25))
  }
}
