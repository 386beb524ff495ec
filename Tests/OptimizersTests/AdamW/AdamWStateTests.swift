import Optimizers
import Tensors
import TestSupport
import Testing

/// The state of AdamW: returned, restored, and refused if it does not fit.
@Suite struct AdamWStateTests {
  @Test(arguments: [false, true])
  func `A run that continues from its state has the same bits`(amsgrad: Bool) throws {
    let options = AdamW.Options(learningRate: 0.1, amsgrad: amsgrad)
    let whole = AdamWStepTests.parameters([[7, 5]], .float32)
    let optimizer = try AdamW(whole, options: options)
    for step in 1...3 {
      AdamWStepTests.setGradients(of: whole, seed: step, as: .float32)
      try optimizer.step()
    }
    let resumed = [Parameter("0", whole[0].value.rewritten)]
    let other = try AdamW(resumed, options: options)
    try other.setState(optimizer.state(of: whole[0])!, of: resumed[0])
    for step in 4...6 {
      for (parameters, optimizer) in [(whole, optimizer), (resumed, other)] {
        AdamWStepTests.setGradients(of: parameters, seed: step, as: .float32)
        try optimizer.step()
      }
    }
    #expect(AdamWBits(whole[0], optimizer) == AdamWBits(resumed[0], other))
    #expect(optimizer.state(of: whole[0])?.step == 6)
  }

  @Test func `A returned state is not changed by later steps`() throws {
    let parameters = AdamWStepTests.parameters([[9]], .float32)
    let optimizer = try AdamW(parameters)
    AdamWStepTests.setGradients(of: parameters, seed: 1, as: .float32)
    try optimizer.step()
    let taken = optimizer.state(of: parameters[0])!
    let bits = taken.firstMoments.bits
    try optimizer.step()
    #expect(taken.firstMoments.bits == bits && taken.step == 1)
    #expect(optimizer.state(of: parameters[0])?.step == 2)
  }

  @Test func `amsgrad that is turned on later starts with the latest moments`() throws {
    let parameters = AdamWStepTests.parameters([[9]], .float32)
    let optimizer = try AdamW(parameters)
    AdamWStepTests.setGradients(of: parameters, seed: 1, as: .float32)
    try optimizer.step()
    #expect(optimizer.state(of: parameters[0])?.maximum == nil)
    try optimizer.updateOptions(ofGroup: 0) { $0.amsgrad = true }
    try optimizer.step()
    let state = optimizer.state(of: parameters[0])!
    #expect(state.maximum == state.secondMoments)
  }

  @Test func `The state has two numbers per element, or three with amsgrad`() throws {
    for (type, amsgrad, bytes) in [
      (ScalarType.float32, false, 8), (.bfloat16, false, 8), (.float64, false, 16), (.float32, true, 12),
    ] {
      let parameters = AdamWStepTests.parameters([[5, 7], [3]], type)
      let optimizer = try AdamW(parameters, options: .init(amsgrad: amsgrad))
      #expect(optimizer.stateByteCount == 0)
      AdamWStepTests.setGradients(of: parameters, seed: 1, as: .float32)
      try optimizer.step()
      #expect(optimizer.stateByteCount == 38 * bytes)
    }
  }

  @Test func `A state that does not fit is refused`() throws {
    let parameter = Parameter("p", Tensor(ones: [2, 3]))
    let optimizer = try AdamW([parameter])
    let (good, flat) = (Tensor(zeros: [2, 3]), Tensor(zeros: [6]))
    let wide = Tensor(zeros: [2, 3], as: .float64)
    let refused: [(AdamW.State, OptimizerError)] = [
      (
        .init(step: 1, firstMoments: flat, secondMoments: good),
        .stateShape(parameter: "p", moments: "first moments", shape: [6], expected: [2, 3])
      ),
      (
        .init(step: 1, firstMoments: good, secondMoments: flat),
        .stateShape(parameter: "p", moments: "second moments", shape: [6], expected: [2, 3])
      ),
      (
        .init(step: 1, firstMoments: good, secondMoments: good, maximum: flat),
        .stateShape(parameter: "p", moments: "maximum", shape: [6], expected: [2, 3])
      ),
      (
        .init(step: 1, firstMoments: good, secondMoments: wide),
        .stateType(parameter: "p", moments: "second moments", type: .float64, expected: .float32)
      ),
    ]
    for (state, error) in refused {
      #expect(throws: error) { try optimizer.setState(state, of: parameter) }
    }
    #expect(throws: OptimizerError.self) {
      try optimizer.setState(.init(step: -1, firstMoments: good, secondMoments: good), of: parameter)
    }
    #expect(throws: OptimizerError.unknownParameter(name: "p")) {
      try optimizer.setState(
        .init(step: 1, firstMoments: good, secondMoments: good), of: Parameter("p", good))
    }
    #expect(optimizer.state(of: parameter) == nil)
  }

  @Test func `A parameter that was given another shape is refused, and nothing is stepped`() throws {
    let parameters = AdamWStepTests.parameters([[4], [6]], .float32)
    let optimizer = try AdamW(parameters)
    AdamWStepTests.setGradients(of: parameters, seed: 1, as: .float32)
    try optimizer.step()
    let before = AdamWBits(parameters[0], optimizer)
    parameters[1].value = Tensor(ones: [60_000])
    parameters[1].gradient = Tensor(ones: [60_000])
    #expect(
      throws: OptimizerError.stateShape(
        parameter: "1", moments: "first moments", shape: [6], expected: [60_000])
    ) { try optimizer.step() }
    #expect(AdamWBits(parameters[0], optimizer) == before)
  }

  @Test func `The whole state is a value that another optimizer can restore`() throws {
    func make() throws -> ([Parameter], AdamW) {
      let parameters = AdamWStepTests.parameters([[4], [6]], .float32)
      return (
        parameters,
        try AdamW(groups: [
          .init([parameters[0]], options: .init(amsgrad: true)), .init([parameters[1]], options: .init()),
        ])
      )
    }
    let (parameters, optimizer) = try make()
    AdamWStepTests.setGradients(of: parameters, seed: 1, as: .float32)
    try optimizer.step()
    optimizer.groups[0].learningRate = 0.5
    optimizer.groups[1].learningRate = 0.25
    let (resumed, other) = try make()
    for (new, old) in zip(resumed, parameters) { new.value = old.value }
    try other.restore(optimizer.state())
    #expect(other.groups.map(\.learningRate) == [0.5, 0.25])
    for (parameters, optimizer) in [(parameters, optimizer), (resumed, other)] {
      AdamWStepTests.setGradients(of: parameters, seed: 2, as: .float32)
      try optimizer.step()
    }
    for (one, two) in zip(parameters, resumed) {
      #expect(AdamWBits(one, optimizer) == AdamWBits(two, other))
    }
    try other.updateOptions(ofGroup: 0) { $0.beta1 = 0.5 }
    #expect(throws: StateMismatch.self) { try other.restore(optimizer.state()) }
    try optimizer.setState(nil, of: parameters[0])
    #expect(optimizer.state(of: parameters[0]) == nil)
  }

  @Test func `A state is created from torch's names, and refused if moments are missing`() throws {
    let moments = Tensor(zeros: [2, 3])
    let state = AdamW.State(
      step: 4, firstMoments: moments, secondMoments: moments, maximum: moments, residual: moments)
    #expect(Set(state.tensors.keys) == Set(AdamW.State.tensorNames!) && state.numbers == [:])
    #expect(AdamW.State(step: 4, tensors: state.tensors, numbers: [:]) == state)
    for name in ["exp_avg", "exp_avg_sq"] {
      var tensors = state.tensors
      tensors[name] = nil
      #expect(throws: OptimizerError.self) {
        try AdamW.Options().check(
          AdamW.State(step: 4, tensors: tensors, numbers: [:]), parameter: "p", shape: [2, 3],
          scalarType: .float32)
      }
    }
  }
}
