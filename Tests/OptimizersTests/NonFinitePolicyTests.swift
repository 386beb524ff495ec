import Optimizers
import Tensors
import TestSupport
import Testing

/// Nothing is written until it is known whether the update is finite.
@Suite struct NonFinitePolicyTests {
  /// Each block form, and moments that are too many to be kept between the phases.
  static let shapes: [Shape] = [
    [], [17_000], [7, 11], [500, 3, 3], [150, 130], [9_000, 2], [4, 5_000], [1, 20_000], [300, 5, 1, 1],
  ]

  @Test(arguments: shapes, Backend.available)
  func `skipParameter does not change the parameter and its state, and steps the others`(
    shape: Shape, backend: Backend
  ) throws {
    for place in 0..<3 {
      let run = try Run(shape, .skipParameter, backend, place)
      try run.poison(place)
      let report = try run.optimizer.step()
      #expect(report.steppedCount == 2 && report.nonFinite == ["\(place)"])
      for index in 0..<3 {
        let (now, before) = (run.bits(index), run.before[index])
        #expect((now == before) == (index == place))
        #expect(run.step(index) == (index == place ? 1 : 2))
      }
    }
  }

  @Test(arguments: shapes, Backend.available)
  func `skipStep does not change any parameter or state`(shape: Shape, backend: Backend) throws {
    for place in 0..<3 {
      let run = try Run(shape, .skipStep, backend, place)
      try run.poison(place)
      let report = try run.optimizer.step()
      #expect(report.steppedCount == 0 && report.nonFinite == ["\(place)"])
      for index in 0..<3 { #expect(run.bits(index) == run.before[index]) }
    }
  }

  @Test(arguments: shapes, Backend.available)
  func `throwError does not change any parameter and names the first one`(shape: Shape, backend: Backend)
    throws
  {
    let run = try Run(shape, .throwError, backend, 0)
    try run.poison(2)
    try run.poison(1)
    #expect(throws: OptimizerError.nonFiniteGradient(parameter: "1")) { try run.optimizer.step() }
    for index in 0..<3 { #expect(run.bits(index) == run.before[index]) }
  }

  @Test(arguments: [NonFinitePolicy.skipParameter, .skipStep, .throwError], shapes)
  func `The step after a skipped step is the same as without it`(
    policy: NonFinitePolicy, shape: Shape
  ) throws {
    let (skipping, plain) = (try Run(shape, policy, .default, 1), try Run(shape, policy, .default, 1))
    try skipping.poison(0)
    try skipping.poison(1)
    try skipping.poison(2)
    _ = try? skipping.optimizer.step()
    for run in [skipping, plain] {
      run.setGradients(seed: 9)
      #expect(try run.optimizer.step().steppedCount == 3)
    }
    for index in 0..<3 { #expect(skipping.bits(index) == plain.bits(index)) }
  }

  @Test(arguments: [NonFinitePolicy.skipParameter, .skipStep, .throwError])
  func `A skipped first step creates no state`(policy: NonFinitePolicy) throws {
    let parameter = Parameter("p", Tensor(ones: [3, 4]))
    parameter.gradient = Tensor(repeating: .nan, shape: [3, 4])
    let optimizer = try Adafactor([parameter], options: .init(beta1: 0.9), nonFinitePolicy: policy)
    _ = try? optimizer.step()
    #expect(optimizer.state(of: parameter) == nil && optimizer.stateByteCount == 0)
    // A state that was set is kept, even if its step is 0.
    try optimizer.setState(
      .init(shape: [3, 4], scalarType: .float32, hasFirstMoments: false), of: parameter)
    let before = StateBits(optimizer.state(of: parameter))
    _ = try? optimizer.step()
    #expect(StateBits(optimizer.state(of: parameter)) == before && before != nil)
  }

  @Test(arguments: [NonFinitePolicy.skipParameter, .skipStep, .throwError])
  func `A skipped step does not start the momentum`(policy: NonFinitePolicy) throws {
    let parameter = Parameter("p", Tensor(ones: [3, 4]))
    let optimizer = try Adafactor([parameter], nonFinitePolicy: policy)
    parameter.gradient = Tensor(ones: [3, 4])
    try optimizer.step()
    let before = StateBits(optimizer.state(of: parameter))
    try optimizer.updateOptions(ofGroup: 0) { $0.beta1 = 0.9 }
    parameter.gradient = Tensor(repeating: .nan, shape: [3, 4])
    _ = try? optimizer.step()
    #expect(StateBits(optimizer.state(of: parameter)) == before)
  }

  @Test
  func `A parameter that is NaN does not make its gradient count as not finite`() throws {
    let parameter = Parameter("p", Tensor([.nan, 1, 2]))
    parameter.gradient = Tensor([1, 1, 1])
    let optimizer = try Adafactor([parameter], nonFinitePolicy: .throwError)
    #expect(try optimizer.step().steppedCount == 1)
  }

  /// Three parameters after one step. The middle one, or another, has the tested shape.
  private struct Run {
    let parameters: [Parameter]
    let optimizer: Adafactor
    private(set) var before: [ParameterBits] = []

    init(_ shape: Shape, _ policy: NonFinitePolicy, _ backend: Backend, _ place: Int) throws {
      var shapes: [Shape] = [[13], [9, 8], [6, 7]]
      shapes[place] = shape
      parameters = shapes.enumerated().map { index, shape in
        var numbers = TestNumbers(seed: index)
        return Parameter("\(index)", Tensor(numbers.array(shape.elementCount), shape: shape))
      }
      let options = Adafactor.Options(learningRate: .constant(0.1), beta1: 0.9, weightDecay: 0.1)
      optimizer = try Adafactor(
        parameters, options: options, nonFinitePolicy: policy, backend: backend, threads: 2)
      setGradients(seed: 7)
      try optimizer.step()
      setGradients(seed: 8)
      before = parameters.map { ParameterBits($0, optimizer) }
    }

    func setGradients(seed: Int) {
      for parameter in parameters {
        var numbers = TestNumbers(seed: seed)
        parameter.gradient = Tensor(
          numbers.array(parameter.value.elementCount), shape: parameter.value.shape)
      }
    }

    /// Puts a NaN at the end of a gradient.
    func poison(_ index: Int) throws {
      let shape = parameters[index].value.shape
      var values = parameters[index].gradient!.scalars(as: Float.self)
      values[values.count - 1] = .nan
      parameters[index].gradient = Tensor(values, shape: shape)
    }

    func bits(_ index: Int) -> ParameterBits { ParameterBits(parameters[index], optimizer) }
    func step(_ index: Int) -> Int? { optimizer.state(of: parameters[index])?.step }
  }
}
