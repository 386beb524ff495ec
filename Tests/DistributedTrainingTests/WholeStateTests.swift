import DistributedTraining
import Optimizers
import Tensors
import TestSupport
import Testing

/// States of whole tensors: from any number of ranks to any other.
@Suite struct WholeStateTests {
  private static func parameters() -> [Parameter] {
    var numbers = TestNumbers(seed: 2)
    return sharedShapes.enumerated().map {
      Parameter("w\($0)", Tensor(numbers.array($1.elementCount), shape: $1).converted(to: .bfloat16))
    }
  }

  private static func gradient(_ index: Int, _ step: Int) -> Tensor {
    var numbers = TestNumbers(seed: 50 * step + index)
    return Tensor(numbers.array(sharedShapes[index].elementCount), shape: sharedShapes[index])
  }

  /// Values and state of the whole tensors.
  private struct Snapshot: Sendable, Equatable {
    var values: [Tensor]
    var state: OptimizerState
  }

  /// Takes one step from a snapshot, or from the start.
  private static func step<Rule: UpdateRule>(
    _ rule: Rule, _ number: Int, from snapshot: Snapshot?, ranks: Int
  ) throws -> Snapshot {
    try ThreadGroup.run(ranks: ranks) { communicator in
      let whole = parameters()
      if let snapshot { for (parameter, value) in zip(whole, snapshot.values) { parameter.value = value } }
      let plan = ShardPlan(sharedShapes, ranks: communicator.size)
      let parts = plan.parts(of: whole, rank: communicator.rank)
      let optimizer = try RuleOptimizer(parts, options: rule)
      try optimizer.share(over: communicator)
      if let snapshot { try optimizer.restoreWhole(snapshot.state) }
      for (index, part) in parts.enumerated() {
        part.gradient = part.shard!.part(of: gradient(index, number))
      }
      try optimizer.step()
      return Snapshot(
        values: try parts.map { try communicator.whole($0.value, $0.shard!) },
        state: try optimizer.wholeState())
    }[ranks - 1]
  }

  private func check<Rule: UpdateRule>(_ rule: Rule) throws {
    var snapshot: Snapshot?
    for (number, ranks) in [3, 1, 8].enumerated() {
      snapshot = try Self.step(rule, number, from: snapshot, ranks: ranks)
    }
    let parameters = Self.parameters()
    let optimizer = try RuleOptimizer(parameters, options: rule)
    for number in 0..<3 {
      for (index, parameter) in parameters.enumerated() { parameter.gradient = Self.gradient(index, number) }
      try optimizer.step()
    }
    let found = try #require(snapshot)
    #expect(found.values.map(\.bits) == parameters.map(\.value.bits))
    #expect(found.state == optimizer.state())
    // And back into one process that holds everything.
    try optimizer.restore(found.state)
  }

  @Test func `Adafactor moves from 3 ranks to 1 and to 8 with the bits of one process`() throws {
    try check(AdafactorOptions(beta1: 0.9, rounding: .compensated))
  }

  @Test func `AdamW moves from 3 ranks to 1 and to 8 with the bits of one process`() throws {
    var options = AdamWOptions()
    options.amsgrad = true
    try check(options)
  }

  @Test func `A state of other shapes is refused on every rank`() throws {
    let other = try Adafactor([Parameter("w", Tensor(ones: [300, 201]))])
    other.parameters[0].gradient = Tensor(ones: [300, 201])
    try other.step()
    let state = other.state()
    let messages = try ThreadGroup.run(ranks: 2) { communicator in
      let part = ShardPlan([[300, 200]], ranks: 2).parts(
        of: [Parameter("w", Tensor(ones: [300, 200]))], rank: communicator.rank)
      let optimizer = try Adafactor(part)
      try optimizer.share(over: communicator)
      do { try optimizer.restoreWhole(state) } catch { return "\(error)" }
      return ""
    }
    for message in messages { #expect(message.contains("of shape [201], but needs the shape [200]")) }
  }
}
