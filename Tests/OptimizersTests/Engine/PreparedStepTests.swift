import Optimizers
import Tensors
import TestSupport
import Testing

/// Steps stay prepared between calls, and must see every change in between.
@Suite struct PreparedStepTests {
  private static func values(_ shape: Shape, _ seed: Int) -> Tensor {
    var numbers = TestNumbers(seed: seed)
    return Tensor(numbers.array(shape.elementCount), shape: shape)
  }

  /// Takes steps of one parameter, all by `step()` or all by itself, each with its policy.
  private func run<Rule: UpdateRule>(
    _ rule: Rule, _ steps: [(isAlone: Bool, policy: NonFinitePolicy)], shapes: [Shape]? = nil
  ) throws -> (value: Tensor, steps: Int?) {
    let parameter = Parameter("p", Self.values(shapes?[0] ?? [100_000], 1))
    let optimizer = try RuleOptimizer([parameter], options: rule, threads: 2)
    for (index, step) in steps.enumerated() {
      if let shape = shapes?[index], shape != parameter.value.shape {
        try optimizer.setState(nil, of: parameter)
        parameter.value = Self.values(shape, 1)
      }
      parameter.gradient = Self.values(parameter.value.shape, 10 + index)
      optimizer.nonFinitePolicy = step.policy
      let report =
        step.isAlone ? try optimizer.step(parameter, releasingGradient: false) : try optimizer.step()
      #expect(report.steppedCount == 1)
    }
    return (parameter.value, optimizer.state(of: parameter)?.step)
  }

  @Test(
    arguments: [
      [(false, .propagate), (true, .skipParameter), (false, .skipParameter)],
      [(false, .skipParameter), (true, .propagate), (false, .propagate)],
      [(true, .propagate), (false, .throwError), (true, .throwError), (false, .skipStep)],
    ] as [[(isAlone: Bool, policy: NonFinitePolicy)]])
  func `Steps of all and of one parameter under changing policies have the bits of plain steps`(
    steps: [(isAlone: Bool, policy: NonFinitePolicy)]
  ) throws {
    let plain = steps.map { _ in (isAlone: false, policy: NonFinitePolicy.propagate) }
    func compare(_ rule: some UpdateRule) throws {
      let (found, expected) = (try run(rule, steps), try run(rule, plain))
      #expect(found.value.bits == expected.value.bits && found.steps == steps.count, "\(type(of: rule).name)")
    }
    try compare(AdamW.Options())
    try compare(Adafactor.Options())
    try compare(ElementwiseMomentumRule())
    try compare(MomentumRule())
  }

  @Test(arguments: [NonFinitePolicy.skipParameter, .skipStep, .throwError])
  func `A policy set between steps applies to the next gradient`(policy: NonFinitePolicy) throws {
    func check(_ rule: some UpdateRule) throws {
      let parameter = Parameter("p", Self.values([300], 1))
      let optimizer = try RuleOptimizer([parameter], options: rule)
      parameter.gradient = Self.values([300], 2)
      try optimizer.step()
      let before = parameter.value
      optimizer.nonFinitePolicy = policy
      parameter.gradient![299] = .nan
      _ = try? optimizer.step()
      #expect(parameter.value.bits == before.bits, "\(type(of: rule).name)")
      optimizer.nonFinitePolicy = .propagate
      try optimizer.step()
      #expect(parameter.value[299].isNaN, "\(type(of: rule).name)")
    }
    try check(AdamW.Options())
    try check(Adafactor.Options())
    try check(ElementwiseMomentumRule())
    try check(MomentumRule())
  }

  @Test func `A parameter of another type is stepped in its type, with its existing state`() throws {
    func check(_ rule: some UpdateRule) throws {
      let parameter = Parameter("p", Self.values([300], 1))
      let optimizer = try RuleOptimizer([parameter], options: rule)
      parameter.gradient = Self.values([300], 2)
      try optimizer.step()
      let other = Parameter("p", parameter.value.converted(to: .bfloat16))
      let expected = try RuleOptimizer([other], options: rule)
      try expected.restore(optimizer.state())
      parameter.value = other.value
      for (parameter, optimizer) in [(parameter, optimizer), (other, expected)] {
        parameter.gradient = Self.values([300], 3)
        try optimizer.step()
      }
      #expect(parameter.value.scalarType == .bfloat16 && parameter.value.bits == other.value.bits)
    }
    try check(AdamW.Options())
    try check(Adafactor.Options())
    try check(ElementwiseMomentumRule())
    try check(MomentumRule())
  }

  @Test func `A parameter of another shape is stepped as a new one, by either call`() throws {
    let policy = NonFinitePolicy.propagate
    for (small, large) in [([3, 4], [700, 300]), ([700, 300], [3, 4])] as [(Shape, Shape)] {
      let found = try run(
        Adafactor.Options(), [(false, policy), (true, policy), (false, policy)],
        shapes: [small, large, large])
      let parameter = Parameter("p", Self.values(large, 1))
      let optimizer = try Adafactor([parameter])
      for seed in [11, 12] {
        parameter.gradient = Self.values(large, seed)
        try optimizer.step()
      }
      #expect(found.value.bits == parameter.value.bits)
    }
  }

  @Test func `A state set for another shape is refused by the step of the first shape`() throws {
    let parameter = Parameter("p", Self.values([8, 8], 1))
    let optimizer = try Adafactor([parameter])
    parameter.gradient = Self.values([8, 8], 2)
    try optimizer.step()
    let (value, state) = (parameter.value, optimizer.state(of: parameter))
    parameter.value = Self.values([4, 4], 1)
    try optimizer.setState(
      Adafactor.State(shape: [4, 4], scalarType: .float32, hasFirstMoments: false), of: parameter)
    (parameter.value, parameter.gradient) = (value, Self.values([8, 8], 2))
    #expect(throws: OptimizerError.self) { try optimizer.step() }
    #expect(parameter.value.bits == value.bits && state != nil)
  }

  @Test func `An optimizer that stepped one parameter by itself is released, and so is the parameter`() throws
  {
    weak var released: Parameter?
    do {
      let parameter = Parameter("p", Self.values([8], 1))
      released = parameter
      let optimizer = try Adafactor([parameter])
      parameter.gradient = Self.values([8], 2)
      try optimizer.step(parameter)
      try optimizer.step()
    }
    #expect(released == nil)
  }

  @Test func `R and C of a square matrix created from one tensor are written separately`() throws {
    let zeros = Tensor(zeros: [4])
    func steps(_ state: Adafactor.State?) throws -> ParameterBits {
      let parameter = Parameter("p", Self.values([4, 4], 1))
      let optimizer = try Adafactor([parameter])
      try optimizer.setState(state, of: parameter)
      for seed in 2...4 {
        parameter.gradient = Self.values([4, 4], seed)
        try optimizer.step()
      }
      return ParameterBits(parameter, optimizer)
    }
    let state = Adafactor.State(step: 0, rowMoments: zeros, columnMoments: zeros)
    #expect(try steps(state) == steps(nil))
  }

  @Test(arguments: [[2, 4, 30_000], [2, 300, 200], [3, 40, 50], [5, 3, 3]] as [Shape])
  func `Stacks of matrices of different sizes are clipped like the specification`(shape: Shape) throws {
    let options = Adafactor.Options(learningRate: .constant(1e-2), clipThreshold: 0.5)
    for backend in Backend.available {
      let parameter = Parameter("p", Self.values(shape, 1))
      let optimizer = try Adafactor([parameter], options: options, backend: backend)
      var expected = parameter.value
      var state = options.initialState(shape: shape, scalarType: .float32)
      for step in 1...3 {
        var gradient = Self.values(shape, 1 + step).scalars(as: Float.self)
        let length = shape.elementCount / shape[0]
        for index in gradient.indices where index >= length { gradient[index] *= 1000 }
        parameter.gradient = Tensor(gradient, shape: shape)
        try optimizer.step()
        state.step = step
        options.update(&expected, gradient: parameter.gradient!, state: &state)
      }
      let pairs = zip(parameter.value.scalars(as: Double.self), expected.scalars(as: Double.self))
      #expect(pairs.allSatisfy { abs($0 - $1) <= 2e-6 * max(1, abs($1)) }, "\(backend)")
    }
  }

  @Test(arguments: [[0, 200, 200], [0, 1, 70_000], [0, 3], [3, 0], [0]] as [Shape])
  func `Without elements, RMS(P) is 0`(shape: Shape) throws {
    let parameter = Parameter("p", Tensor(zeros: shape))
    let optimizer = try Adafactor([parameter])
    parameter.gradient = Tensor(zeros: shape)
    try optimizer.step()
    try optimizer.step()
    // 0 / 0 elements: NaN as in the reference, or 0, but never the contents of memory.
    let found = optimizer.state(of: parameter)?.rootMeanSquare
    #expect(found == 0 || found?.isNaN == true)
  }

  @Test(arguments: [-1, Int.max])
  func `A step count without a successor is refused`(step: Int) throws {
    let parameter = Parameter("p", Tensor(zeros: [3]))
    for optimizer in [try AdamW([parameter]), try Adafactor([parameter])] as [Optimizer] {
      parameter.gradient = Tensor(ones: [3])
      try optimizer.step()
      var state = optimizer.state()
      let saved = try #require(state.parameters["p"])
      var other = saved
      other.step = step
      state.parameters["p"] = other
      #expect(throws: StateMismatch.self) { try optimizer.restore(state) }
    }
  }

  @Test func `A state of another kind is a difference, and changes nothing`() throws {
    let parameter = Parameter("p", Tensor(ones: [3]))
    let (adafactor, adamW) = (try Adafactor([parameter]), try AdamW([parameter]))
    parameter.gradient = Tensor(ones: [3])
    try adafactor.step()
    try adamW.step()
    let before = adafactor.state()
    var state = before
    state.parameters["p"] = adamW.state().parameters["p"]
    #expect(adafactor.differences(from: state).count == 1)
    #expect(throws: StateMismatch.self) { try adafactor.restore(state) }
    #expect(adafactor.differences(from: before).isEmpty && adafactor.state(of: parameter)?.step == 1)
  }
}

/// The caller's memory.
@Suite struct CallersMemoryTests {
  @Test(arguments: [ScalarType.float32, .float64, .bfloat16])
  func `A rule on tensors writes to adopted memory`(type: ScalarType) throws {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: 64)
    let parameter = Parameter("p", Tensor(bytesNoCopy: memory, shape: [8], as: type, deallocator: {}))
    let optimizer = try RuleOptimizer([parameter], options: MomentumRule())
    parameter.gradient = Tensor(ones: [8])
    try optimizer.step()
    let written = Tensor(bytesNoCopy: memory, shape: [8], as: type, deallocator: {})
    #expect(written.scalars(as: Float.self).allSatisfy { abs($0 + 0.1) < 1e-3 })
    #expect(parameter.value == written)
  }

  @Test func `An elementwise rule steps memory of any alignment`() throws {
    let update = try InPlaceUpdate(options: ElementwiseMomentumRule(weightDecay: 0.1))
    let (count, start) = (5_000, Tensor(ones: [5_000]))
    var numbers = TestNumbers(seed: 1)
    let gradient: [Float] = numbers.array(count)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 4 * count + 1, alignment: 64)
    defer { memory.deallocate() }
    var results: [[UInt8]] = []
    for offset in [0, 1] {
      var state = update.initialState(shape: [count], scalarType: .float32)
      let address = memory + offset
      start.scalars(as: Float.self).withUnsafeBytes {
        address.copyMemory(from: $0.baseAddress!, byteCount: 4 * count)
      }
      try gradient.withUnsafeBytes {
        _ = try update.update(
          parameter: address, of: .float32, gradient: $0.baseAddress!, of: .float32, shape: [count],
          state: &state)
      }
      results.append(Array(UnsafeRawBufferPointer(start: address, count: 4 * count)))
    }
    #expect(results[0] == results[1])
  }

  @Test func `Sums adopt a parameter's new shape between windows, and keep it within a window`() throws {
    let parameter = Parameter("p", Tensor(zeros: [2]))
    let accumulator = GradientAccumulator([parameter])
    parameter.gradient = Tensor(ones: [2])
    try accumulator.add()
    accumulator.reset()
    parameter.value = Tensor(zeros: [3_000])
    parameter.gradient = Tensor(ones: [3_000])
    try accumulator.add()
    #expect(try accumulator.gradients[0] == Tensor(ones: [3_000]))
    parameter.value = Tensor(zeros: [4_000])
    parameter.gradient = Tensor(ones: [4_000])
    #expect(
      throws: GradientAccumulatorError.gradientShape(parameter: "p", expected: [3_000], given: [4_000])
    ) { try accumulator.add() }
  }
}
