import Checkpoints
import Foundation
import Optimizers
import Schedules
import Tensors
import TestSupport
import Testing

/// Tests properties of every rule. To test your own rule, add it as one line.
@Suite struct EveryRuleTests {
  static let rules: [any RoundedRule] = [
    SGDOptions(learningRate: 0.01, weightDecay: 0.1),
    SGDOptions(learningRate: 0.01, momentum: 0.9, dampening: 0.5, rounding: .compensated),
    SGDOptions(learningRate: 0.01, momentum: 0.9, nesterov: true, rounding: .stochastic, roundingSeed: 3),
    LionOptions(learningRate: 0.01, weightDecay: 0.1, rounding: .compensated),
    StableAdamWOptions(learningRate: 0.01),
    CAMEOptions(learningRate: 0.01, weightDecay: 0.1),
    SOAPOptions(learningRate: 0.01, preconditionFrequency: 2),
    FactoredSOAPOptions(
      adafactor: AdafactorOptions(learningRate: .constant(0.01), beta1: 0.9), preconditionFrequency: 2),
    ScheduleFreeAdamWOptions(learningRate: 0.01, weightDecay: 0.1, averagingPower: 1, rounding: .compensated),
    GaLoreAdamWOptions(
      learningRate: 0.01, weightDecay: 0.1, projection: GaLoreProjection(rank: 2, updateGap: 3, kind: .full)),
    GaLoreAdafactorOptions(
      adafactor: AdafactorOptions(learningRate: .constant(0.01), beta1: 0.9, rounding: .compensated),
      projection: GaLoreProjection(rank: 2, updateGap: 3)),
    AdamWOptions(learningRate: 0.01, amsgrad: true, rounding: .compensated),
    AdafactorOptions(learningRate: .constant(0.01), beta1: 0.9, scaleParameter: false),
  ]

  /// Creates an optimizer of a model in two groups, the second with a tenth of the learning rate.
  private func make<Rule: UpdateRule>(
    _ rule: Rule, policy: NonFinitePolicy = .propagate, threads: Int = 2
  ) throws -> (TestModel, RuleOptimizer<Rule>) {
    let model = TestModel()
    let groups = [
      ParameterGroup(Array(model.parameters[..<3]), options: rule),
      ParameterGroup(Array(model.parameters[3...]), options: slower(rule)),
    ]
    return (model, try RuleOptimizer(groups: groups, nonFinitePolicy: policy, threads: threads))
  }

  private func slower<Rule: UpdateRule>(_ rule: Rule) -> Rule {
    var slower = rule
    slower.learningRate = rule.learningRate.settingConstant(0.001)!
    return slower
  }

  private func run(_ model: TestModel, _ optimizer: Optimizer, _ steps: Range<UInt64>) throws {
    for step in steps {
      model.setGradients(step: step)
      try optimizer.step()
    }
  }

  @Test(arguments: rules)
  func `Options are the same after encoding and decoding`(rule: any RoundedRule) throws {
    func check<Rule: UpdateRule>(_ rule: Rule) throws {
      #expect(try JSONDecoder().decode(Rule.self, from: JSONEncoder().encode(rule)) == rule)
    }
    try check(rule)
  }

  @Test(arguments: rules, Backend.available)
  func `A run that is resumed from a file has the same bits`(rule: any RoundedRule, backend: Backend)
    throws
  {
    func check<Rule: UpdateRule>(_ rule: Rule) throws {
      let folder = try TemporaryFolder()
      let (model, optimizer) = try make(rule)
      try run(model, optimizer, 0..<4)
      try optimizer.saveState(to: folder.file("state"))
      let (copy, resumed) = try make(rule, threads: 1)
      for (parameter, original) in zip(copy.parameters, model.parameters) { parameter.value = original.value }
      try resumed.restoreState(from: folder.file("state"))
      #expect(resumed.state() == optimizer.state())
      try run(model, optimizer, 4..<8)
      try run(copy, resumed, 4..<8)
      #expect(copy.bits == model.bits)
      #expect(resumed.state() == optimizer.state())
      // SOAP counts updates, and the first gradient makes none.
      let count = rule is SOAPOptions || rule is FactoredSOAPOptions ? 4 : 5
      #expect(
        resumed.state(of: copy["scalar"])?.step == count && resumed.state(of: copy["never.stepped"]) == nil)
    }
    try Backend.withDefault(backend) { try check(rule) }
  }

  @Test(arguments: rules)
  func `Groups have their own options, and rules treat parameters independently`(rule: any RoundedRule) throws
  {
    func check<Rule: UpdateRule>(_ rule: Rule) throws {
      let (model, optimizer) = try make(rule, threads: 3)
      try run(model, optimizer, 0..<3)
      // Each parameter in a separate optimizer, on one thread.
      let alone = TestModel()
      let optimizers = try alone.parameters.enumerated().map { index, parameter in
        try RuleOptimizer([parameter], options: index < 3 ? rule : slower(rule), threads: 1)
      }
      for step in UInt64(0)..<3 {
        alone.setGradients(step: step)
        for optimizer in optimizers { try optimizer.step() }
      }
      #expect(alone.bits == model.bits)
    }
    try check(rule)
  }

  @Test(arguments: rules)
  func `A schedule sets the learning rate, and with a rate of 0 nothing changes`(rule: any RoundedRule) throws
  {
    func check<Rule: UpdateRule>(_ rule: Rule) throws {
      let (model, optimizer) = try make(rule)
      let start = model.bits
      let scheduler = try LearningRateScheduler(optimizer, LinearSchedule(warmupSteps: 2, trainingSteps: 10))
      model.setGradients(step: 0)
      try optimizer.step()
      // With a residual, the bits of 16-bit parameters must not change either.
      #expect(model.bits == start)
      scheduler.step()
      #expect(optimizer.groups[0].options.learningRate.constant == 0.005)
      #expect(optimizer.groups[1].options.learningRate.constant == 0.0005)
      // Two steps, because step 1 has the scalar's first gradient, and SOAP's first gradient only makes the
      // eigenbases.
      try run(model, optimizer, 1..<3)
      for (parameter, before) in zip(model.parameters, start) {
        // The first moments of a BFloat16 parameter may be smaller than half a unit in its last place.
        let moves = parameter.name != "never.stepped" && parameter.name != "embedding"
        if moves { #expect(parameter.value.bits != before, "\(parameter)") }
      }
    }
    try check(rule)
  }

  @Test(arguments: rules)
  func `Accumulating two halves of a batch gives the same step as the whole batch`(rule: any RoundedRule)
    throws
  {
    func check<Rule: UpdateRule>(_ rule: Rule) throws {
      let (model, optimizer) = try make(rule)
      let (whole, reference) = try make(rule)
      let accumulator = GradientAccumulator(model.parameters)
      for step in UInt64(0)..<3 {
        whole.setGradients(step: step)
        try reference.step()
        for _ in 0..<2 {
          model.setGradients(step: step)
          try accumulator.add()
        }
        try accumulator.apply()
        try optimizer.step()
        accumulator.reset()
        // The mean of two equal numbers is exact.
        #expect(model.bits == whole.bits, "step \(step)")
      }
    }
    try check(rule)
  }

  @Test(arguments: rules)
  func `Clipping scales the gradient that the rule sees`(rule: any RoundedRule) throws {
    func check<Rule: UpdateRule>(_ rule: Rule) throws {
      let (model, optimizer) = try make(rule)
      let (scaled, reference) = try make(rule)
      let start = model.parameters.map { $0.value.scalars(as: Double.self) }
      for step in UInt64(0)..<3 {
        for each in [model, scaled] { each.setGradients(step: step) }
        let norm = try model.parameters.clipGradientNorm(maxNorm: 0.5)
        #expect(norm > 0.5)
        try optimizer.step()
        for parameter in scaled.parameters {
          let type = parameter.value.scalarType == .float64 ? ScalarType.float64 : .float32
          parameter.gradient = parameter.gradient.map { $0.converted(to: type) * (0.5 / (norm + 1e-6)) }
        }
        try reference.step()
      }
      for (index, (ours, theirs)) in zip(model.parameters, scaled.parameters).enumerated() {
        let (values, expected) = (ours.value.scalars(as: Double.self), theirs.value.scalars(as: Double.self))
        let largest = zip(expected, start[index]).map { abs($0 - $1) }.max()!
        // The scaled gradient is rounded twice. A 16-bit parameter may round to either side of a midpoint.
        let unit = ours.value.scalarType == .bfloat16 ? 0x1p-7 * expected.map(abs).max()! : 1e-6
        for (value, other) in zip(values, expected) {
          #expect(abs(value - other) <= 1e-4 * largest + unit, "\(ours)")
        }
      }
    }
    try check(rule)
  }

  @Test(arguments: rules, NonFinitePolicy.allCases)
  func `A gradient that is not finite is handled according to the policy`(
    rule: any RoundedRule, policy: NonFinitePolicy
  ) throws {
    func check<Rule: UpdateRule>(_ rule: Rule) throws {
      let (model, optimizer) = try make(rule, policy: policy)
      try run(model, optimizer, 0..<1)
      let (before, state, matrix) = (model.bits, optimizer.state(), optimizer.state(of: model["matrix"]))
      model.setGradients(step: 1)
      var poisoned = model["matrix"].gradient!.scalars(as: Float.self)
      poisoned[17] = .nan
      model["matrix"].gradient = Tensor(poisoned, shape: [5, 7])
      func isFinite(_ name: String) -> Bool {
        model[name].value.scalars(as: Double.self).allSatisfy(\.isFinite)
      }
      switch policy {
      case .propagate:
        try optimizer.step()
        #expect(!isFinite("matrix"))
        #expect(isFinite("bias"))
      case .skipParameter:
        #expect(
          try optimizer.step() == StepReport(steppedCount: 4, nonFinite: ["matrix"], withoutGradient: 1))
        #expect(model.bits[0] == before[0] && model.bits[1] != before[1] && model.bits[2] != before[2])
        #expect(optimizer.state(of: model["matrix"]) == matrix)
      case .skipStep:
        #expect(
          try optimizer.step() == StepReport(steppedCount: 0, nonFinite: ["matrix"], withoutGradient: 1))
        #expect(model.bits == before && optimizer.state() == state)
      case .throwError:
        #expect(throws: OptimizerError.nonFiniteGradient(parameter: "matrix")) { try optimizer.step() }
        #expect(model.bits == before && optimizer.state() == state)
      }
    }
    try check(rule)
  }
}
