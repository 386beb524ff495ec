import Backends
import DistributedTraining
import Foundation
import Optimizers
import Tensors
import TestSupport
import Testing

/// A training of parameters of many shapes, in one process or shared by ranks that are threads.
struct SharedTraining<Rule: UpdateRule> {
  var rule: Rule
  var shapes: [Shape] = fewSharedShapes
  var type = ScalarType.float32
  var gradientType: ScalarType?
  var backend = Backend.swift
  var policy = NonFinitePolicy.propagate
  var stepCount = 3
  var scale: Float = 1
  /// Numbers that are put into gradients: step, tensor, element, value.
  var faults: [(step: Int, tensor: Int, element: Int, value: Double)] = []

  /// The results: bits of parameters and states, and what each step reported.
  struct Result: Equatable, Sendable {
    var parameters: [String: Bits] = [:]
    var states: [String: Bits] = [:]
    var steps: [String: Int] = [:]
    var reports: [String] = []
  }

  /// The initial values and the gradients of each step, which all runs share.
  private struct Inputs: Sendable {
    let initial: [Tensor]
    let gradients: [[Tensor]]
  }

  private func inputs() -> Inputs {
    Inputs(initial: initial(), gradients: (0..<stepCount).map(gradients))
  }

  private func initial() -> [Tensor] {
    var numbers = TestNumbers(seed: 1)
    return shapes.map { Tensor(numbers.array($0.elementCount), shape: $0).converted(to: type) }
  }

  private func gradients(_ step: Int) -> [Tensor] {
    var numbers = TestNumbers(seed: 100 + step)
    return shapes.enumerated().map { tensor, shape in
      var values = numbers.array(shape.elementCount, scale: scale)
      for fault in faults where fault.step == step && fault.tensor == tensor {
        values[fault.element] = Float(fault.value)
      }
      return Tensor(values, shape: shape).converted(to: gradientType ?? type)
    }
  }

  private func name(_ index: Int) -> String { "\(index) \(shapes[index])" }

  private func report(_ optimizer: Optimizer) -> String {
    do {
      let report = try optimizer.step()
      return "\(report.steppedCount) stepped, not finite: \(report.nonFinite)"
    } catch {
      return "\(error)"
    }
  }

  /// One process that holds everything.
  private func whole(_ inputs: Inputs) throws -> Result {
    let parameters = inputs.initial.enumerated().map { Parameter(name($0), $1) }
    let optimizer = try RuleOptimizer(parameters, options: rule, nonFinitePolicy: policy, backend: backend)
    var result = Result()
    for step in 0..<stepCount {
      for (parameter, gradient) in zip(parameters, inputs.gradients[step]) { parameter.gradient = gradient }
      result.reports.append(report(optimizer))
    }
    for parameter in parameters {
      result.parameters[parameter.name] = parameter.value.bits
      let state = optimizer.state(of: parameter)
      result.steps[parameter.name] = state?.step
      for (part, tensor) in state?.tensors ?? [:] {
        result.states["\(parameter.name) \(part)"] = tensor.bits
      }
    }
    return result
  }

  /// Ranks that share everything. Every rank must see the same reports.
  private func shared(ranks: Int, _ inputs: Inputs) throws -> Result {
    let results = try ThreadGroup.run(ranks: ranks) { try shared(over: $0, inputs) }
    for result in results { #expect(result.reports == results[0].reports) }
    return results[0]
  }

  private func shared(over communicator: any Communicator, _ inputs: Inputs) throws -> Result {
    let plan = ShardPlan(shapes, ranks: communicator.size)
    let rank = communicator.rank
    let parameters = plan.parts(
      of: inputs.initial.enumerated().map { Parameter(name($0), $1) }, rank: rank)
    // Threads on some ranks only: their number changes no bit.
    let optimizer = try RuleOptimizer(
      parameters, options: rule, nonFinitePolicy: policy, backend: backend, threads: 1 + rank % 2)
    try optimizer.share(over: communicator)
    var result = Result()
    for step in 0..<stepCount {
      for (index, gradient) in inputs.gradients[step].enumerated() {
        parameters[index].gradient = plan.shard(of: index, rank: rank).part(of: gradient)
      }
      result.reports.append(report(optimizer))
    }
    for (index, parameter) in parameters.enumerated() {
      let shard = plan.shard(of: index, rank: rank)
      result.parameters[parameter.name] = try communicator.whole(parameter.value, shard).bits
      let state = optimizer.state(of: parameter)
      result.steps[parameter.name] = state?.step
      // Every rank in the same order.
      for (part, tensor) in (state?.tensors ?? [:]).sorted(by: { $0.key < $1.key }) {
        result.states["\(parameter.name) \(part)"] = try joined(tensor, part, shard, communicator)
      }
    }
    return result
  }

  /// The bits of a part of a state of the whole tensor.
  private func joined(
    _ tensor: Tensor, _ part: String, _ shard: TensorShard, _ communicator: any Communicator
  ) throws -> Bits {
    if tensor.shape == shard.shape { return try communicator.whole(tensor, shard).bits }
    let all = try communicator.gatherAll(tensor.bits.bytes)
    // Moments of rows or columns: of a matrix that is divided the other way, every rank has all.
    let shape = shard.wholeShape
    let count = shape.batchCount * (part == "exp_avg_sq_row" ? shape.rows : shape.columns)
    let size = tensor.scalarType.byteCount
    if all.allSatisfy({ $0.count == count * size }) {
      #expect(all.allSatisfy { $0 == all[0] })
      return Bits(bytes: all[0])
    }
    return Bits(bytes: Array(all.joined()))
  }

  /// Expects the bits of one process from every number of ranks.
  func expectSameBits(ranks: [Int] = [3, 8], sourceLocation: SourceLocation = #_sourceLocation) throws {
    let inputs = inputs()
    let whole = try whole(inputs)
    for count in ranks {
      let shared = try shared(ranks: count, inputs)
      #expect(shared.reports == whole.reports, "\(count) ranks", sourceLocation: sourceLocation)
      #expect(shared.steps == whole.steps, "\(count) ranks", sourceLocation: sourceLocation)
      for (name, bits) in whole.parameters where shared.parameters[name] != bits {
        Issue.record("\(count) ranks: the parameter \(name) differs", sourceLocation: sourceLocation)
      }
      for (name, bits) in whole.states where shared.states[name] != bits {
        Issue.record("\(count) ranks: the state \(name) differs", sourceLocation: sourceLocation)
      }
    }
  }
}

/// Every form of blocks, divided and not: vectors, rows, columns, matrices of one row, stacks of each, small matrices, matrices of
/// one element, a scalar, and no elements at all.
let sharedShapes: [Shape] = [
  [40_000], [7], [], [300, 200], [4, 12_000], [1, 40_000], [3, 100, 130], [3, 130, 140], [2, 4, 5_000],
  [4_000, 3, 3], [5_000, 1, 1], [64, 48], [257, 129], [0, 5], [33, 1_000], [1, 1, 150, 200], [16, 2_051],
]

/// The forms that are divided, once each, and a panel of three columns.
let fewSharedShapes: [Shape] = [
  [17_000], [150, 200], [2, 17_000], [16, 2_051], [2, 130, 140], [2_000, 3, 3],
]
