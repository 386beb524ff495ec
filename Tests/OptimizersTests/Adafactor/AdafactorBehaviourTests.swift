import Optimizers
import Tensors
import TestSupport
import Testing

/// The behavior of an optimizer with parameters, gradients, groups and states.
@Suite struct AdafactorBehaviourTests {
  @Test
  func `A parameter without a gradient and its step count are unchanged`() throws {
    let (fed, unfed) = (Parameter("fed", Tensor(ones: [3, 4])), Parameter("unfed", Tensor(ones: [3, 4])))
    let optimizer = try Adafactor([fed, unfed])
    fed.gradient = Tensor(ones: [3, 4])
    #expect(try optimizer.step().steppedCount == 1)
    #expect(optimizer.state(of: unfed) == nil && unfed.value.bits == Tensor(ones: [3, 4]).bits)
    unfed.gradient = Tensor(ones: [3, 4])
    try optimizer.step()
    #expect(optimizer.state(of: unfed)?.step == 1 && optimizer.state(of: fed)?.step == 2)
    // Its gradient is removed again.
    let before = ParameterBits(unfed, optimizer)
    unfed.gradient = nil
    try optimizer.step()
    #expect(ParameterBits(unfed, optimizer) == before && optimizer.state(of: fed)?.step == 3)
  }

  @Test
  func `A step without any gradient changes nothing`() throws {
    let parameter = Parameter("p", Tensor(ones: [3]))
    let optimizer = try Adafactor([parameter])
    let report = try optimizer.step()
    #expect(report.steppedCount == 0 && report.nonFinite.isEmpty)
  }

  @Test
  func `Gradients that come and go follow the rule with their own step counts`() throws {
    let shapes: [Shape] = [[5], [6, 7], [150, 130]]
    let parameters = shapes.map { Parameter("\($0)", Tensor(ones: $0)) }
    let optimizer = try Adafactor(parameters)
    var oracles = parameters.map { AdafactorOracle($0, options: .init()) }
    for step in 0..<6 {
      for (index, parameter) in parameters.enumerated() {
        parameter.gradient = nil
        guard (step + index) % 3 != 0 else { continue }
        var numbers = TestNumbers(seed: step)
        parameter.gradient = Tensor(numbers.array(parameter.value.elementCount), shape: parameter.value.shape)
        oracles[index].step(parameter.gradient!.doubles)
      }
      try optimizer.step()
    }
    for (parameter, oracle) in zip(parameters, oracles) {
      let ones = [Double](repeating: 1, count: parameter.value.elementCount)
      #expect(
        oracle.difference(from: parameter, initial: ones, state: optimizer.state(of: parameter)!) == nil)
    }
  }

  @Test
  func `Groups differ in every option`() throws {
    let options: [Adafactor.Options] = [
      .init(), .init(learningRate: .relative(warmupInit: true)), AdafactorStepTests.everything,
      .init(learningRate: .constant(0.1), decayRate: -0.3, scaleParameter: false),
      .init(squaredGradientEpsilon: 0.1, parameterScaleEpsilon: 3, clipThreshold: 0.05, weightDecay: 0.5),
    ]
    let groups = options.enumerated().map { index, options in
      ParameterGroup(
        [
          Parameter("\(index).matrix", Tensor(ones: [6, 7])), Parameter("\(index).vector", Tensor(ones: [9])),
        ],
        options: options)
    }
    let optimizer = try Adafactor(groups: groups)
    var oracles: [(Parameter, AdafactorOracle)] = []
    for group in groups {
      for parameter in group.parameters {
        var oracle = AdafactorOracle(parameter, options: group.options)
        var numbers = TestNumbers(seed: 1)
        parameter.gradient = Tensor(numbers.array(parameter.value.elementCount), shape: parameter.value.shape)
        for _ in 0..<2 { oracle.step(parameter.gradient!.doubles) }
        oracles.append((parameter, oracle))
      }
    }
    for _ in 0..<2 { try optimizer.step() }
    for (parameter, oracle) in oracles {
      let ones = [Double](repeating: 1, count: parameter.value.elementCount)
      let difference = oracle.difference(
        from: parameter, initial: ones, state: optimizer.state(of: parameter)!)
      #expect(difference == nil, "\(parameter)")
    }
  }

  @Test
  func `Changed options apply from the next step on, and only to their group`() throws {
    let parameters = ["a", "b"].map { Parameter($0, Tensor([2, 3])) }
    let options = Adafactor.Options(learningRate: .constant(0.5), scaleParameter: false)
    let optimizer = try Adafactor(groups: parameters.map { ParameterGroup([$0], options: options) })
    for parameter in parameters { parameter.gradient = Tensor([1, -1]) }
    try optimizer.updateOptions(ofGroup: 1) { $0.learningRate = .constant(0.25) }
    #expect(optimizer.groups[0].options == options)
    try optimizer.step()
    // The first update of a vector is the gradient's sign.
    #expect(parameters[0].value.doubles == [1.5, 3.5] && parameters[1].value.doubles == [1.75, 3.25])
  }

  @Test
  func `Step with a closure returns the loss, and steps with its gradients`() throws {
    let parameter = Parameter("p", Tensor([2, 3]))
    let optimizer = try Adafactor(
      [parameter], options: .init(learningRate: .constant(0.5), scaleParameter: false))
    let loss = try optimizer.step {
      parameter.gradient = Tensor([1, -1])
      return 42.5
    }
    #expect(loss == 42.5 && parameter.value.doubles == [1.5, 3.5])
    struct Failure: Error {}
    #expect(throws: Failure.self) { try optimizer.step { throw Failure() } }
    #expect(parameter.value.doubles == [1.5, 3.5] && optimizer.state(of: parameter)?.step == 1)
  }

  @Test
  func `Momentum starts with zeros when beta1 is set`() throws {
    let parameter = Parameter("p", Tensor([2, 3]))
    let optimizer = try Adafactor(
      [parameter], options: .init(learningRate: .constant(0.5), scaleParameter: false))
    parameter.gradient = Tensor([1, -1])
    try optimizer.step()
    #expect(optimizer.state(of: parameter)?.firstMoments == nil)
    try optimizer.updateOptions(ofGroup: 0) { $0.beta1 = 0.5 }
    try optimizer.step()
    #expect(optimizer.state(of: parameter)?.firstMoments?.doubles == [0.25, -0.25])
    #expect(parameter.value.doubles == [1.25, 3.75])
    // Without beta1 it is unchanged, and it continues when beta1 is set again.
    try optimizer.updateOptions(ofGroup: 0) { $0.beta1 = nil }
    try optimizer.step()
    #expect(optimizer.state(of: parameter)?.firstMoments?.doubles == [0.25, -0.25])
    #expect(parameter.value.doubles == [0.75, 4.25])
  }

  @Test(arguments: [[9], [7, 11], [150, 130], [1, 20_000], [30, 2, 1, 1]] as [Shape])
  func `Copies keep their values, and the gradient is not changed`(shape: Shape) throws {
    var numbers = TestNumbers(seed: 1)
    let values = Tensor(numbers.array(shape.elementCount), shape: shape)
    // Two parameters and the test share one memory, and one gradient is a parameter's own value.
    let parameters = [Parameter("a", values), Parameter("b", values)]
    parameters[0].gradient = parameters[0].value
    parameters[1].gradient = Tensor(numbers.array(shape.elementCount), shape: shape)
    let gradients = parameters.map { $0.gradient!.bits }
    let before = values.bits
    var oracles = parameters.map { AdafactorOracle($0, options: .init()) }
    let optimizer = try Adafactor(parameters)
    try optimizer.step()
    let states = parameters.map { optimizer.state(of: $0)! }
    let stateBits = states.map { StateBits($0) }
    let taken = parameters[1].value
    let takenBits = taken.bits
    try optimizer.step()
    #expect(values.bits == before && taken.bits == takenBits)
    #expect(parameters.map { $0.gradient!.bits } == gradients)
    #expect(states.map { StateBits($0) } == stateBits, "a state that was taken does not change")
    for (index, parameter) in parameters.enumerated() {
      for _ in 0..<2 { oracles[index].step(parameter.gradient!.doubles) }
      let state = optimizer.state(of: parameter)!
      #expect(oracles[index].difference(from: parameter, initial: values.doubles, state: state) == nil)
    }
  }

  @Test(arguments: [[9], [7, 11], [150, 130], [4, 5_000]] as [Shape])
  func `A gradient's scale multiplies it as it is read`(shape: Shape) throws {
    var numbers = TestNumbers(seed: 1)
    let gradient = Tensor(numbers.array(shape.elementCount), shape: shape)
    for backend in Backend.available {
      let parameter = Parameter("p", Tensor(ones: shape))
      let optimizer = try Adafactor([parameter], options: AdafactorStepTests.everything, backend: backend)
      var oracle = AdafactorOracle(parameter, options: AdafactorStepTests.everything)
      for scale in [1.0 / 3, 1e-4, 1] {
        parameter.gradient = gradient
        parameter.gradientScale = scale
        try optimizer.step()
        oracle.step(gradient.doubles.map { scale * $0 })
      }
      let ones = [Double](repeating: 1, count: shape.elementCount)
      let state = optimizer.state(of: parameter)!
      #expect(oracle.difference(from: parameter, initial: ones, state: state) == nil)
      #expect(parameter.gradient!.bits == gradient.bits)
    }
  }

  @Test
  func `A parameter that owns its memory is changed in place`() throws {
    let parameter = Parameter("p", Tensor(ones: [150, 130]))
    let address = parameter.value.withSpan(of: Float.self) { span in
      span.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
    }
    let optimizer = try Adafactor([parameter])
    parameter.gradient = Tensor(ones: [150, 130])
    for _ in 0..<2 { try optimizer.step() }
    let now = parameter.value.withSpan(of: Float.self) { span in
      span.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
    }
    #expect(now == address)
  }

  @Test(
    arguments: [[0], [0, 5], [5, 0], [3, 0, 4], [0, 3, 4]] as [Shape], [NonFinitePolicy.propagate, .skipStep])
  func `Tensors without elements are stepped`(shape: Shape, policy: NonFinitePolicy) throws {
    let (empty, other) = (Parameter("empty", Tensor(zeros: shape)), Parameter("other", Tensor(ones: [2, 2])))
    let optimizer = try Adafactor([empty, other], options: .init(beta1: 0.9), nonFinitePolicy: policy)
    (empty.gradient, other.gradient) = (Tensor(zeros: shape), Tensor(ones: [2, 2]))
    for _ in 0..<2 { #expect(try optimizer.step().steppedCount == 2) }
    let state = optimizer.state(of: empty)!
    #expect(state.step == 2 && state.rootMeanSquare == 0)
    for moments in [state.rowMoments, state.columnMoments] {
      #expect(moments?.doubles.allSatisfy { $0 == 0 } ?? true)
    }
  }

  @Test(arguments: [[], [5], [6, 7], [2, 150, 130]] as [Shape])
  func `A run that continues from another run's state has the same bits`(shape: Shape) throws {
    func make(_ value: Tensor) throws -> (Parameter, Adafactor) {
      let parameter = Parameter("p", value)
      return (parameter, try Adafactor([parameter], options: AdafactorStepTests.everything))
    }
    let (parameter, optimizer) = try make(Tensor(ones: shape))
    var resumed: (Parameter, Adafactor)?
    for step in 0..<6 {
      var numbers = TestNumbers(seed: step)
      let gradient = Tensor(numbers.array(shape.elementCount), shape: shape)
      if step == 3 {
        resumed = try make(parameter.value.rewritten)
        try resumed!.1.setState(optimizer.state(of: parameter)!, of: resumed!.0)
      }
      for (parameter, optimizer) in [(parameter, optimizer), resumed].compactMap(\.self) {
        parameter.gradient = gradient
        try optimizer.step()
      }
    }
    #expect(ParameterBits(parameter, optimizer) == ParameterBits(resumed!.0, resumed!.1))
  }

  @Test
  func `An optimizer without a thread is a mistake in the program`() async {
    await #expect(processExitsWith: .failure) {
      _ = try Adafactor([Parameter("p", Tensor(ones: [1]))], threads: 0)
    }
  }
}
