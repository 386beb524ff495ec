// Your own optimizer: two variants of Lion, and everything that the library provides for a rule.
//
// A rule consists of options and an update. The library adds parameter groups, gradient accumulation, clipping, loss scaling,
// schedules, the policies for gradients that are not finite, steps of single parameters, restoring and checkpoints.

import Optimizers
import Schedules
import Tensors

// MARK: Training: two groups, accumulation, clipping, loss scaling, a schedule

/// Trains on windows of two micro-batches, and compares every number with loops in Double.
func train<Rule: LionOptions>(_ rule: Rule.Type) throws -> [Tensor] {
  var model = Model()
  var expected = model.parameters.map { Expected($0) }
  let optimizer = try lion(model, rule)
  let scheduler = try LearningRateScheduler(
    optimizer, LinearSchedule(warmupSteps: 2, trainingSteps: steps))
  let accumulator = GradientAccumulator(model.parameters)
  let scaler = try LossScaler()
  let overflowingStep = 7

  for step in 0..<steps {
    var gradients = expected.map { $0.p.map { _ in 0.0 } }
    for weight in [1.0, 3.0] {
      for (index, gradient) in model.setGradients(scale: scaler.scale).enumerated() {
        for i in gradient.indices { gradients[index][i] += weight / 4 * gradient[i] }
      }
      if step == overflowingStep { model.matrices[1].gradient![0, 0] = .infinity }
      try accumulator.add(weight: weight)
    }
    try accumulator.apply()
    try scaler.unscale(model.parameters)
    try model.parameters.clipGradientNorm(maxNorm: 1)
    let report = try scaler.step(optimizer)
    precondition((report == nil) == (step == overflowingStep), "The loss scaler skipped the wrong step.")
    try scaler.update()
    scheduler.step()
    accumulator.reset()

    if step == overflowingStep { continue }
    let norm = gradients.joined().reduce(0) { $0 + $1 * $1 }.squareRoot()
    let clip = min(1, 1 / (norm + 1e-6))
    let factor = step < 2 ? Double(step) / 2 : Double(steps - step) / Double(steps - 2)
    for index in expected.indices {
      let isMatrix = index < model.matrices.count
      expected[index].stepLion(
        gradients[index].map { $0 * clip }, rate: factor * (isMatrix ? 1e-2 : 3e-2),
        decay: isMatrix ? 0.1 : 0, beta1: isMatrix ? 0.9 : 0.8, beta2: isMatrix ? 0.99 : 0.95)
    }
  }
  precondition(scaler.scale == 32768, "One overflow must halve the loss scale.")
  for (parameter, expected) in zip(model.parameters, expected) {
    require(parameter.value, near: expected.p, steps: steps, "\(Rule.name), \(parameter.name)")
    require(
      optimizer.state(of: parameter)!["exp_avg"], near: expected.m, steps: steps,
      "\(Rule.name), average of \(parameter.name)")
    precondition(optimizer.state(of: parameter)!.step == steps - 1)
  }
  return model.parameters.map(\.value)
}

let trained = try train(Lion.self)
for (one, other) in zip(trained, try train(ElementwiseLion.self)) {
  require(other, near: one.scalars(as: Double.self), steps: steps, "The variants of Lion differ")
}
print("both variants of Lion agree with loops in Double over \(steps) steps")

// MARK: Gradients that are not finite

func checkPolicies<Rule: LionOptions>(_ rule: Rule.Type) throws {
  for policy in NonFinitePolicy.allCases {
    let model = Model()
    let optimizer = try lion(model, rule, policy: policy)
    let bad = model.vectors[0]
    model.setGradients(withNaNIn: bad)
    let before = model.parameters.map(\.value)
    var stepped = 0
    do {
      let report = try optimizer.step()
      stepped = report.steppedCount
      precondition(policy != .throwError, "A NaN must throw.")
      precondition(
        policy == .propagate || report.nonFinite == [bad.name], "The report must name \(bad.name).")
    } catch {
      precondition(policy == .throwError, "\(policy) must not throw: \(error)")
      precondition(error == .nonFiniteGradient(parameter: bad.name), "\(error)")
    }
    let expectedCount = [.propagate: 4, .skipParameter: 3][policy] ?? 0
    precondition(stepped == expectedCount, "\(policy): \(stepped) parameters stepped, not \(expectedCount)")
    for (parameter, before) in zip(model.parameters, before) {
      let isStepped = policy == .propagate || policy == .skipParameter && parameter !== bad
      precondition((parameter.value != before) == isStepped, "\(policy), \(parameter.name)")
      precondition((optimizer.state(of: parameter)?.step ?? 0) == (isStepped ? 1 : 0))
    }
    if policy == .propagate { precondition(bad.value[0].isNaN, "The NaN must be in the parameter.") }
  }
}
try checkPolicies(Lion.self)
try checkPolicies(ElementwiseLion.self)
print("the four policies for gradients that are not finite")

// MARK: Steps of single parameters

func checkSingleSteps<Rule: LionOptions>(_ rule: Rule.Type) throws {
  var (single, joint) = (Model(), Model())
  let (optimizer, other) = (try lion(single, rule), try lion(joint, rule))
  for _ in 0..<3 {
    _ = (single.setGradients(), joint.setGradients())
    for parameter in single.parameters.reversed() { try optimizer.step(parameter) }
    try other.step()
  }
  precondition(single.parameters.allSatisfy { $0.gradient == nil }, "A step must release the gradient.")
  precondition(
    single.parameters.map(\.value) == joint.parameters.map(\.value), "The two ways must give the same bits.")
}
try checkSingleSteps(Lion.self)
try checkSingleSteps(ElementwiseLion.self)
print("a step for each parameter, with its gradient released")

// MARK: State

func checkRestoring<Rule: LionOptions>(_ rule: Rule.Type) throws {
  var model = Model()
  let optimizer = try lion(model, rule)
  func take(_ optimizer: RuleOptimizer<Rule>, _ model: inout Model, steps: Int) throws {
    for _ in 0..<steps {
      _ = model.setGradients()
      try optimizer.step()
    }
  }
  try take(optimizer, &model, steps: 5)
  // The state includes the groups' learning rates, which schedules change.
  optimizer.groups[1].learningRate = 2e-2
  let state = optimizer.state()

  // A model at the same position in the stream of gradients, with the values of the first.
  var resumed = Model()
  let restored = try lion(resumed, rule)
  for _ in 0..<5 { _ = resumed.setGradients() }
  for (new, old) in zip(resumed.parameters, model.parameters) { new.value = old.value }
  try restored.restore(state)
  precondition(restored.groups[1].learningRate == 2e-2 && restored.stateByteCount == optimizer.stateByteCount)
  try take(optimizer, &model, steps: 5)
  try take(restored, &resumed, steps: 5)
  precondition(
    resumed.parameters.map(\.value) == model.parameters.map(\.value), "Restoring must keep the bits.")

  try restored.updateOptions(ofGroup: 0) { $0.beta2 = 0.5 }
  do {
    try restored.restore(state)
    preconditionFailure("A state with other options must be refused.")
  } catch {
    precondition("\(error)".contains("beta2"), "The error must name the option: \(error)")
  }
}
try checkRestoring(Lion.self)
try checkRestoring(ElementwiseLion.self)
print("a state restored with the same bits")

try checkMultiOptimizer()
