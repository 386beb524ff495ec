import Optimizers
import Schedules
import Tensors
import TestSupport
import Testing

/// Groups that are added to an optimizer, and the contents of reports and descriptions.
@Suite struct AddedGroupTests {
  private func parameter(_ name: String) -> Parameter {
    let parameter = Parameter(name, Tensor(ones: [3, 2]))
    parameter.gradient = Tensor([[1, -2], [3, 4], [-5, 6]])
    return parameter
  }

  @Test func `A group that is added later steps like a group that was there from the start`() throws {
    let (a, b, c, d) = (parameter("a"), parameter("b"), parameter("a"), parameter("b"))
    let whole = try AdamW(groups: [
      .init([a], options: .init(learningRate: 0.1)), .init([b], options: .init(learningRate: 0.2)),
    ])
    let grown = try AdamW([c], options: .init(learningRate: 0.1))
    b.gradient = nil
    #expect(try whole.step() == StepReport(steppedCount: 1, nonFinite: [], withoutGradient: 1))
    try grown.step()
    try grown.addGroup(.init([d], options: .init(learningRate: 0.2)))
    b.gradient = d.gradient
    for _ in 0..<2 {
      #expect(try whole.step().steppedCount == 2)
      #expect(try grown.step().steppedCount == 2)
    }
    #expect(a.value.bits == c.value.bits && b.value.bits == d.value.bits)
    #expect(grown.state(of: d)?.step == 2 && grown.groups.count == 2)
    #expect(whole.differences(from: grown.state()).isEmpty)
  }

  @Test func `A group with any rule is added to a MultiOptimizer`() throws {
    let (a, b) = (parameter("a"), parameter("b"))
    let optimizer = try MultiOptimizer([ParameterGroup([a], options: AdamW.Options())])
    try optimizer.addGroup(ParameterGroup([b], options: Adafactor.Options(learningRate: .constant(0.1))))
    #expect(try optimizer.step().steppedCount == 2)
    #expect(optimizer.state(of: b) is Adafactor.State)
  }

  @Test func `A group that does not fit is refused without changing anything`() throws {
    let a = parameter("a")
    let optimizer = try AdamW([a])
    #expect(throws: OptimizerError.duplicateParameter(name: "a")) {
      try optimizer.addGroup(.init([parameter("a")], options: .init()))
    }
    #expect(throws: OptimizerError.noParameters(group: 1)) {
      try optimizer.addGroup(.init([], options: .init()))
    }
    #expect(throws: OptimizerError.self) {
      try optimizer.addGroup(.init([parameter("b")], options: .init(learningRate: -1)))
    }
    #expect(optimizer.groupCount == 1 && optimizer.parameters.map(\.name) == ["a"])
    #expect(try optimizer.step().steppedCount == 1)
  }

  @Test
  func `A scheduler of the first groups ignores an added group, and the optimizer keeps initial rates`()
    throws
  {
    let optimizer = try AdamW([parameter("a")], options: .init(learningRate: 0.1))
    let first = try LearningRateScheduler(optimizer, LinearSchedule(trainingSteps: 2))
    for _ in 0..<2 { first.step() }
    try optimizer.addGroup(.init([parameter("b")], options: .init(learningRate: 0.5)))
    let second = try LearningRateScheduler(optimizer, CosineSchedule(trainingSteps: 4))
    #expect(second.initialRates == [0.1, 0.5])
    #expect(optimizer.groups.map(\.learningRate) == [0.1, 0.5])
    first.step()
    #expect(optimizer.groups.map(\.learningRate) == [0, 0.5])
  }

  @Test func `A rate that grows without bound does not stop the training`() throws {
    let optimizer = try AdamW([parameter("a")], options: .init(learningRate: 1))
    let scheduler = try LearningRateScheduler(optimizer, ExponentialSchedule(decayRate: 1e300))
    for _ in 0..<3 { scheduler.step() }
    #expect(optimizer.groups[0].learningRate == .greatestFiniteMagnitude)
    try optimizer.step()
  }

  @Test func `A step without any gradient reports this`() throws {
    let (a, b) = (Parameter("a", Tensor(ones: [2])), Parameter("b", Tensor(ones: [2])))
    let optimizer = try Adafactor([a, b])
    #expect(try optimizer.step() == StepReport(steppedCount: 0, nonFinite: [], withoutGradient: 2))
    #expect(optimizer.state(of: a) == nil)
  }

  @Test func `Optimizers and in-place updates describe their rule, options and parameters`() throws {
    let text = "\(try AdamW([parameter("a")], options: .init(learningRate: 0.125)))"
    #expect(text.contains("adamw") && text.contains("learningRate: 0.125"))
    #expect(text.contains("1 parameters of 6 elements"))
    let update = "\(try InPlaceUpdate(options: Adafactor.Options(beta1: 0.75)))"
    #expect(update.contains("adafactor") && update.contains("0.75"))
  }
}
