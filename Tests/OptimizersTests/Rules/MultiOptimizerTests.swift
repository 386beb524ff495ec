import Optimizers
import Schedules
import Tensors
import TestSupport
import Testing

/// Several rules in one optimizer.
@Suite struct MultiOptimizerTests {
  /// Matrices with Adafactor and relative steps, vectors with AdamW, and a scalar with a rule of the tests.
  private struct Model {
    let parameters: [Parameter]
    let optimizer: MultiOptimizer

    init(policy: NonFinitePolicy = .propagate) throws {
      var numbers = TestNumbers(seed: 5)
      parameters = [[130, 257] as Shape, [9, 5], [33], [20_001], []].enumerated().map {
        Parameter("\($0)", Tensor(numbers.array($1.elementCount), shape: $1))
      }
      optimizer = try MultiOptimizer(
        [
          ParameterGroup(Array(parameters[..<2]), options: Adafactor.Options(beta1: 0.9)),
          ParameterGroup(Array(parameters[2..<4]), options: AdamW.Options(learningRate: 0.01)),
          ParameterGroup([parameters[4]], options: MomentumRule()),
        ], nonFinitePolicy: policy, threads: 2)
    }

    func setGradients(_ step: Int) {
      var numbers = TestNumbers(seed: 100 + step)
      for parameter in parameters {
        parameter.gradient = Tensor(
          numbers.array(parameter.value.elementCount), shape: parameter.value.shape)
      }
    }
  }

  @Test func `Each group steps like a separate optimizer, bit for bit`() throws {
    let (model, apart) = (try Model(), try Model())
    let optimizers: [Optimizer] = [
      try Adafactor(Array(apart.parameters[..<2]), options: .init(beta1: 0.9), threads: 1),
      try AdamW(Array(apart.parameters[2..<4]), options: .init(learningRate: 0.01), threads: 1),
      try RuleOptimizer([apart.parameters[4]], options: MomentumRule(), threads: 1),
    ]
    for step in 0..<3 {
      model.setGradients(step)
      apart.setGradients(step)
      #expect(try model.optimizer.step().steppedCount == 5)
      for optimizer in optimizers { try optimizer.step() }
    }
    #expect(model.parameters.map(\.value.bits) == apart.parameters.map(\.value.bits))
  }

  @Test func `One policy covers all groups`() throws {
    let model = try Model(policy: .skipStep)
    let before = model.parameters.map(\.value.bits)
    model.setGradients(0)
    model.parameters[3].gradient![7] = .infinity
    #expect(try model.optimizer.step() == StepReport(steppedCount: 0, nonFinite: ["3"]))
    #expect(model.parameters.map(\.value.bits) == before)
    model.setGradients(1)
    #expect(try model.optimizer.step().steppedCount == 5)
  }

  @Test func `It is saved and restored as a whole, and continues with the same bits`() throws {
    let (first, second) = (try Model(), try Model())
    for step in 0..<2 {
      first.setGradients(step)
      try first.optimizer.step()
    }
    try first.optimizer.updateOptions(ofGroup: 1, as: AdamW.Options.self) { $0.learningRate = 0.02 }
    for (new, old) in zip(second.parameters, first.parameters) { new.value = old.value }
    try second.optimizer.restore(first.optimizer.state())
    #expect(second.optimizer.groups.map(\.learningRate) == [nil, 0.02, 0.1])
    #expect(second.optimizer.state() == first.optimizer.state())
    for model in [first, second] {
      model.setGradients(2)
      try model.optimizer.step()
    }
    #expect(first.parameters.map(\.value.bits) == second.parameters.map(\.value.bits))
  }

  @Test func `A state of other rules is a difference, and changes nothing`() throws {
    let model = try Model()
    let other = try MultiOptimizer([
      ParameterGroup(Array(model.parameters[..<2]), options: AdamW.Options()),
      ParameterGroup(Array(model.parameters[2..<4]), options: AdamW.Options(learningRate: 0.01)),
      ParameterGroup([model.parameters[4]], options: MomentumRule()),
    ])
    model.setGradients(0)
    try model.optimizer.step()
    let error = #expect(throws: StateMismatch.self) { try other.restore(model.optimizer.state()) }
    #expect(error?.differences == [.optimizer(saved: "adafactor", here: "adamw")])
    #expect(other.stateByteCount == 0)
  }
}
