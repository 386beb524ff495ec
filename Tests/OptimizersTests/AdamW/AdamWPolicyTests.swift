import Optimizers
import Tensors
import TestSupport
import Testing

/// The behavior of AdamW for gradients that are not finite.
@Suite struct AdamWPolicyTests {
  /// The tensor with the bad gradient: one that a thread steps by itself, and one with several blocks.
  static let places = [0, 1]
  static let bad: [Float] = [.nan, .infinity, -.infinity, 1e30]

  @Test(arguments: places, Backend.available)
  func `skipParameter does not change the parameter and its state, and steps the other`(
    place: Int, backend: Backend
  ) throws {
    for value in Self.bad {
      let run = try Run(.skipParameter, backend, place, value)
      let report = try run.optimizer.step()
      #expect(report.steppedCount == 1 && report.nonFinite == ["\(place)"])
      for index in 0..<2 { #expect((run.bits(index) == run.before[index]) == (index == place)) }
    }
  }

  @Test(arguments: places, Backend.available)
  func `skipStep does not change any parameter`(place: Int, backend: Backend) throws {
    let run = try Run(.skipStep, backend, place, .nan)
    let report = try run.optimizer.step()
    #expect(report.steppedCount == 0 && report.nonFinite == ["\(place)"])
    for index in 0..<2 { #expect(run.bits(index) == run.before[index]) }
    run.setGradients(seed: 9)
    #expect(try run.optimizer.step().steppedCount == 2)
  }

  @Test(arguments: places, Backend.available)
  func `throwError does not change any parameter and names the first one`(
    place: Int, backend: Backend
  ) throws {
    let run = try Run(.throwError, backend, place, .infinity)
    #expect(throws: OptimizerError.nonFiniteGradient(parameter: "\(place)")) { try run.optimizer.step() }
    for index in 0..<2 { #expect(run.bits(index) == run.before[index]) }
  }

  @Test(arguments: Backend.available)
  func `propagate steps, only the element becomes NaN, and it is reported`(backend: Backend) throws {
    for (place, value) in zip([0, 0, 0, 0, 1, 1, 1, 1], Self.bad + Self.bad) {
      let run = try Run(.propagate, backend, place, value)
      let report = try run.optimizer.step()
      #expect(report.steppedCount == 2 && report.nonFinite == ["\(place)"])
    }
    let run = try Run(.propagate, backend, 1, .nan)
    try run.optimizer.step()
    let values = run.parameters[1].value.scalars(as: Float.self)
    #expect(values.indices.filter { values[$0].isNaN } == [values.count - 1])
  }

  @Test(arguments: ScalarType.allCases, [1, 8, 37])
  func `Without ε, a gradient of zeros is reported, and lanes without elements are not`(
    type: ScalarType, count: Int
  ) throws {
    let parameter = Parameter("p", Tensor(ones: [count], as: type))
    let optimizer = try AdamW([parameter], options: .init(epsilon: 0))
    parameter.gradient = Tensor(ones: [count], as: type)
    #expect(try optimizer.step().nonFinite == [])
    try optimizer.setState(nil, of: parameter)
    parameter.gradient = Tensor(zeros: [count], as: type)
    #expect(try optimizer.step().nonFinite == ["p"])
  }

  @Test(arguments: [NonFinitePolicy.skipParameter, .skipStep, .throwError], Backend.available)
  func `Without ε, an update that would divide 0 by 0 is not made`(
    policy: NonFinitePolicy, backend: Backend
  ) throws {
    // Float32 cannot represent 1e-60.
    let cases: [(type: ScalarType, epsilon: Double, last: Float, isFinite: Bool)] = [
      (.float32, 0, 0, false), (.float32, 0, 1, true), (.float32, 1e-60, 0, false),
      (.float64, 1e-60, 0, true),
      (.float64, 0, 0, false), (.bfloat16, 0, 0, false), (.float32, 1e-8, 0, true),
      (.float32, 0, 1e-30, false),
    ]
    for each in cases {
      for amsgrad in [false, true] {
        // A parameter that one thread steps by itself, and one with several blocks.
        for count in [11, 70_001] {
          let parameter = Parameter("p", Tensor(ones: [count], as: each.type))
          let options = AdamW.Options(epsilon: each.epsilon, amsgrad: amsgrad)
          let optimizer = try AdamW([parameter], options: options, nonFinitePolicy: policy, backend: backend)
          let gradient = [Float](repeating: 1, count: count - 1) + [each.last]
          parameter.gradient = Tensor(scalars: gradient, shape: [count])
          let before = parameter.value
          if policy == .throwError && !each.isFinite {
            #expect(throws: OptimizerError.nonFiniteGradient(parameter: "p")) { try optimizer.step() }
          } else {
            #expect(try optimizer.step().nonFinite == (each.isFinite ? [] : ["p"]))
          }
          #expect((parameter.value == before) == !each.isFinite)
          #expect(!parameter.value.scalars(as: Float.self).contains { !$0.isFinite })
        }
      }
    }
  }

  @Test(arguments: [NonFinitePolicy.skipParameter, .skipStep, .throwError])
  func `Moments that became NaN under another policy are reported`(policy: NonFinitePolicy) throws {
    let parameter = Parameter("p", Tensor(ones: [3, 4]))
    let optimizer = try AdamW([parameter])
    parameter.gradient = Tensor(repeating: .nan, shape: [3, 4])
    try optimizer.step()
    optimizer.nonFinitePolicy = policy
    parameter.gradient = Tensor(ones: [3, 4])
    if policy == .throwError {
      #expect(throws: OptimizerError.nonFiniteGradient(parameter: "p")) { try optimizer.step() }
    } else {
      #expect(try optimizer.step().nonFinite == ["p"])
    }
    #expect(optimizer.state(of: parameter)?.step == 1)
  }

  @Test(arguments: NonFinitePolicy.allCases, Backend.available)
  func `Finite gradients give the same steps under every policy`(
    policy: NonFinitePolicy, backend: Backend
  ) throws {
    let (run, plain) = (try Run(policy, backend, 0, 0.5), try Run(.propagate, backend, 0, 0.5))
    try run.optimizer.step()
    try plain.optimizer.step()
    for index in 0..<2 { #expect(run.bits(index) == plain.bits(index)) }
  }

  @Test(arguments: [NonFinitePolicy.skipParameter, .skipStep, .throwError])
  func `A skipped step leaves no new moments`(policy: NonFinitePolicy) throws {
    let parameter = Parameter("p", Tensor(ones: [3, 4]))
    let optimizer = try AdamW([parameter], nonFinitePolicy: policy)
    parameter.gradient = Tensor(repeating: .nan, shape: [3, 4])
    _ = try? optimizer.step()
    #expect(optimizer.state(of: parameter) == nil && optimizer.stateByteCount == 0)
    parameter.gradient = Tensor(ones: [3, 4])
    try optimizer.step()
    let before = optimizer.state(of: parameter)
    try optimizer.updateOptions(ofGroup: 0) { $0.amsgrad = true }
    parameter.gradient = Tensor(repeating: .nan, shape: [3, 4])
    _ = try? optimizer.step()
    #expect(optimizer.state(of: parameter) == before && before?.maximum == nil)
  }

  /// Two parameters after one step, a small one and one with several blocks, and a bad value at the end of a gradient.
  private struct Run {
    let parameters = AdamWStepTests.parameters([[13], [140, 1280]], .float32)
    let optimizer: AdamW
    private(set) var before: [AdamWBits] = []

    init(_ policy: NonFinitePolicy, _ backend: Backend, _ place: Int, _ value: Float) throws {
      optimizer = try AdamW(
        parameters, options: .init(amsgrad: true), nonFinitePolicy: policy, backend: backend, threads: 2)
      setGradients(seed: 1)
      try optimizer.step()
      setGradients(seed: 2)
      var values = parameters[place].gradient!.scalars(as: Float.self)
      values[values.count - 1] = value
      parameters[place].gradient = Tensor(values, shape: parameters[place].value.shape)
      before = parameters.map { AdamWBits($0, optimizer) }
    }

    func setGradients(seed: Int) {
      AdamWStepTests.setGradients(of: parameters, seed: seed, as: .float32)
    }

    func bits(_ index: Int) -> AdamWBits { AdamWBits(parameters[index], optimizer) }
  }
}
