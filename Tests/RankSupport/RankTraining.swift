import DistributedTraining
import Optimizers
import Tensors

/// A training of Adafactor and AdamW whose results are compared as text between numbers of ranks.
package enum RankTraining {
  private static var shapes: [Shape] {
    [[150, 200], [2, 17_000], [17_000], [2, 130, 140], [64, 48], [7]]
  }

  private static func initial() -> [Parameter] {
    var generator = SeededGenerator(seed: 5)
    return shapes.enumerated().map { Parameter("w\($0)", Tensor(uniform: $1, from: -1, using: &generator)) }
  }

  /// Gradients of a loss: the difference of the parameter, as it is, from a target.
  private static func gradient(_ parameter: Tensor, _ index: Int, _ step: Int) -> Tensor {
    var generator = SeededGenerator(seed: UInt64(1000 * step + index))
    return parameter - Tensor(uniform: parameter.shape, from: -1, using: &generator)
  }

  private static func optimizers(
    _ parameters: [Parameter], _ body: (Optimizer) throws -> Void
  ) throws -> [String] {
    var lines: [String] = []
    for name in ["adafactor", "adamw"] {
      let optimizer: Optimizer =
        name == "adafactor"
        ? try Adafactor(parameters, options: AdafactorOptions(beta1: 0.9, weightDecay: 0.01))
        : try AdamW(parameters, options: AdamWOptions())
      try body(optimizer)
      lines.append(name)
    }
    return lines
  }

  /// The results of one process that holds everything.
  package static func whole() throws -> String {
    let parameters = initial()
    _ = try optimizers(parameters) { optimizer in
      for step in 0..<3 {
        for (index, parameter) in parameters.enumerated() {
          parameter.gradient = gradient(parameter.value, index, step)
        }
        try optimizer.step()
      }
    }
    return text(parameters.map(\.value))
  }

  /// The results of ranks that share everything.
  package static func shared(over communicator: any Communicator) throws -> String {
    let plan = ShardPlan(shapes, ranks: communicator.size)
    let parameters = plan.parts(of: initial(), rank: communicator.rank)
    _ = try optimizers(parameters) { optimizer in
      try optimizer.share(over: communicator)
      for step in 0..<3 {
        for (index, parameter) in parameters.enumerated() {
          let whole = try communicator.whole(parameter.value, parameter.shard!)
          parameter.gradient = parameter.shard!.part(of: gradient(whole, index, step))
        }
        try optimizer.step()
      }
    }
    return text(try parameters.map { try communicator.whole($0.value, $0.shard!) })
  }

  /// A hash of the bits of each tensor, and its sum for the reader.
  private static func text(_ tensors: [Tensor]) -> String {
    tensors.map { tensor in
      let hash = tensor.withUnsafeBytes { bytes in
        bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
      }
      return "\(tensor.shape) \(String(hash, radix: 16)) \(tensor.sum())"
    }.joined(separator: "\n")
  }
}
