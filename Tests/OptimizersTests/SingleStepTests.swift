import Optimizers
import Tensors
import TestSupport
import Testing

/// Stepping each parameter as soon as its gradient exists.
@Suite struct SingleStepTests {
  @Test(arguments: Backend.available)
  func `Single steps of Adafactor have the bits of one whole step`(backend: Backend) throws {
    try compare(
      Adafactor.Options(learningRate: .constant(0.01), beta1: 0.9, weightDecay: 0.1), backend)
  }

  @Test(arguments: Backend.available)
  func `Single steps of AdamW have the bits of one whole step`(backend: Backend) throws {
    try compare(AdamW.Options(learningRate: 0.01, amsgrad: true), backend)
  }

  private func compare<Rule: UpdateRule>(_ options: Rule, _ backend: Backend) throws {
    let shapes: [Shape] = [[], [7], [40_001], [130, 257], [3, 4, 5]]
    let (together, apart) = (
      AdamWStepTests.parameters(shapes, .float32), AdamWStepTests.parameters(shapes, .float32)
    )
    func make(_ parameters: [Parameter]) throws -> RuleOptimizer<Rule> {
      try RuleOptimizer(
        parameters, options: options, nonFinitePolicy: .skipParameter, backend: backend, threads: 2)
    }
    let (whole, single) = (try make(together), try make(apart))
    for step in 1...3 {
      AdamWStepTests.setGradients(of: together, seed: step, as: .float32)
      together[1].gradientScale = 0.3
      try whole.step()
      // In the order of a backward pass, from last to first.
      for (index, parameter) in apart.enumerated().reversed() {
        parameter.gradient = AdamWStepTests.gradient(
          of: parameter.value.shape, seed: 31 * index + step, as: .float32)
        if index == 1 { parameter.gradientScale = 0.3 }
        let report = try single.step(parameter)
        #expect(report.steppedCount == 1 && report.nonFinite == [])
        #expect(parameter.gradient == nil)
      }
    }
    for (one, other) in zip(together, apart) {
      #expect(one.value.bits == other.value.bits)
      #expect(whole.state(of: one) == single.state(of: other) && whole.state(of: one) != nil)
    }
  }

  @Test func `A gradient that is kept can be used for another step`() throws {
    let (once, twice) = (Parameter("p", Tensor(ones: [5])), Parameter("p", Tensor(ones: [5])))
    let (whole, single) = (try AdamW([once]), try AdamW([twice]))
    once.gradient = Tensor([1, -2, 3, -4, 5])
    twice.gradient = once.gradient
    try whole.step()
    try whole.step()
    try single.step(twice, releasingGradient: false)
    #expect(twice.gradient != nil)
    try single.step(twice)
    #expect(twice.gradient == nil && once.value.bits == twice.value.bits)
    #expect(single.state(of: twice)?.step == 2)
  }

  @Test func `A step that depends on other parameters is refused with the reason`() throws {
    let (own, idle, foreign) = (
      Parameter("own", Tensor(ones: [2])), Parameter("idle", Tensor(ones: [2])),
      Parameter("own", Tensor(ones: [2]))
    )
    let optimizers: [Optimizer] = [try Adafactor([own, idle]), try AdamW([own, idle])]
    for optimizer in optimizers {
      own.gradient = Tensor(ones: [2])
      foreign.gradient = Tensor(ones: [2])
      #expect(throws: OptimizerError.noGradient(parameter: "idle")) { try optimizer.step(idle) }
      #expect(throws: OptimizerError.unknownParameter(name: "own")) { try optimizer.step(foreign) }
      own.gradient = Tensor(ones: [3])
      #expect(throws: OptimizerError.gradientShape(parameter: "own", shape: [2], gradient: [3])) {
        try optimizer.step(own)
      }
      #expect(own.gradient != nil)
      own.gradient = Tensor(ones: [2])
      optimizer.nonFinitePolicy = .skipStep
      let error = #expect(throws: OptimizerError.self) { try optimizer.step(own) }
      #expect(error?.description.contains("\"own\" cannot be stepped by itself: the policy skipStep") == true)
      #expect(own.gradient != nil && optimizer.stateByteCount == 0)
      #expect(own.value == Tensor(ones: [2]))
    }
  }

  @Test func `A gradient clipped by the norm of several is refused by itself, but can be stepped with all`()
    throws
  {
    let parameters = ["first", "last"].map { Parameter($0, Tensor(ones: [2])) }
    let (first, last) = (parameters[0], parameters[1])
    let optimizers: [Optimizer] = [try Adafactor(parameters), try AdamW(parameters)]
    for optimizer in optimizers {
      // As in a backward pass, one gradient exists at a time, so the norm of all is the norm of one.
      last.gradient = Tensor([3, 4])
      #expect(try parameters.clipGradientNorm(maxNorm: 1) == 5)
      let values = parameters.map(\.value)
      let error = #expect(throws: OptimizerError.self) { try optimizer.step(last) }
      #expect(
        error?.description.contains(
          "\"last\" cannot be stepped by itself: its gradient was clipped by the norm of several parameters")
          == true)
      #expect(
        error?.description.contains("parameter.clipGradientNorm(maxNorm:), or step all with step()") == true)
      #expect(parameters.map(\.value) == values && last.gradient != nil && optimizer.stateByteCount == 0)
      // The same is true after the elements were limited.
      try parameters.clipGradientValues(maxValue: 0.1)
      #expect(throws: OptimizerError.self) { try optimizer.step(last) }
      #expect(try optimizer.step().steppedCount == 1)
      last.gradient = Tensor([3, 4])
      try last.clipGradientNorm(maxNorm: 1)
      first.gradient = Tensor([3, 4])
      try parameters.clipGradientValues(maxValue: 0.1)
      for parameter in parameters { #expect(try optimizer.step(parameter).steppedCount == 1) }
    }
  }

  @Test(arguments: Backend.available)
  func `Clipping by each norm and accumulation give the bits of one whole step`(backend: Backend) throws {
    let shapes: [Shape] = [[], [40_001], [130, 257]]
    let sets = (0..<2).map { _ in AdamWStepTests.parameters(shapes, .float32) }
    let optimizers = try sets.map {
      try Adafactor($0, options: .init(beta1: 0.9), backend: backend, threads: 2)
    }
    for step in 1...3 {
      for (isWhole, (parameters, optimizer)) in zip([true, false], zip(sets, optimizers)) {
        let accumulator = GradientAccumulator(parameters, backend: backend)
        for (seed, weight) in [(2 * step, 5.0), (2 * step + 1, 2)] {
          AdamWStepTests.setGradients(of: parameters, seed: seed, as: .float32)
          try accumulator.add(weight: weight)
        }
        try accumulator.apply()
        for parameter in parameters {
          let norm = try parameter.clipGradientNorm(maxNorm: 0.5, backend: backend)
          #expect(norm > 0.5 || parameter.gradientScale == 1.0 / 7)
          if !isWhole { try optimizer.step(parameter) }
        }
        if isWhole { try optimizer.step() }
        accumulator.reset()
      }
    }
    #expect(sets[0].map(\.value.bits) == sets[1].map(\.value.bits))
  }

  @Test func `A loss scale skips the parameters with gradients that overflow, and backs off`() throws {
    let parameters = ["good", "bad"].map { Parameter($0, Tensor(ones: [2])) }
    let optimizer = try AdamW(parameters)
    let scaler = try LossScaler(.init(scale: 1024))
    for (parameter, value) in zip(parameters, [1, Double.infinity]) {
      parameter.gradient = Tensor(repeating: value, shape: [2])
      let report = try scaler.step([parameter]) { try optimizer.step(parameter) }
      #expect((report != nil) == value.isFinite)
    }
    try scaler.update()
    #expect(scaler.scale == 512)
    #expect(parameters.map { optimizer.state(of: $0)?.step } == [1, nil])
    #expect(parameters[1].value == Tensor(ones: [2]))
  }

  @Test func `A bad gradient of one parameter is skipped and released, or causes an error and is kept`()
    throws
  {
    let parameter = Parameter("p", Tensor(ones: [2]))
    let optimizers: [Optimizer] = [try Adafactor([parameter]), try AdamW([parameter])]
    for optimizer in optimizers {
      optimizer.nonFinitePolicy = .throwError
      parameter.gradient = Tensor([1, .nan])
      #expect(throws: OptimizerError.nonFiniteGradient(parameter: "p")) { try optimizer.step(parameter) }
      #expect(parameter.gradient != nil)
      optimizer.nonFinitePolicy = .skipParameter
      let report = try optimizer.step(parameter)
      #expect(report.steppedCount == 0 && report.nonFinite == ["p"])
      #expect(parameter.gradient == nil && parameter.value == Tensor(ones: [2]))
    }
  }
}
