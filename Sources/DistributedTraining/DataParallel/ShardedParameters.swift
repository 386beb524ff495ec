import Optimizers
import Tensors

/// The parameters of a model of which every rank steps a part and keeps the optimizer's state of that part only: the division
/// of state that is known as ZeRO-1.
///
///     let sharded = ShardedParameters(model.parameters, over: communicator)
///     let optimizer = try Adafactor(sharded.parts, options: .init(learningRate: .constant(1e-3)))
///     try optimizer.share(over: communicator)
///     …
///     try gradients.average(into: sharded)
///     try optimizer.step()
///     try sharded.gather()
///
/// Every rank has all parameters for the forward and backward pass. It receives the gradients of its parts only, steps them, and
/// sends them to the others.
public final class ShardedParameters {
  /// The parameters of the model, with all elements.
  public let parameters: [Parameter]

  /// This rank's part of each parameter, for the optimizer.
  public let parts: [Parameter]

  /// The division.
  public let plan: ShardPlan

  private let communicator: any Communicator

  /// Divides parameters among the ranks.
  ///
  /// - Parameters:
  ///   - parameters: All parameters of the model, the same on every rank: see ``Communicator/broadcast(_:from:)``.
  ///   - communicator: The ranks.
  public init(_ parameters: [Parameter], over communicator: any Communicator) {
    self.parameters = parameters
    self.communicator = communicator
    plan = ShardPlan(parameters.map(\.value.shape), ranks: communicator.size)
    parts = plan.parts(of: parameters, rank: communicator.rank)
  }

  /// Copies this rank's parts of the model's parameters, after these were changed: restored from a checkpoint, for example.
  public func takeParts() {
    for part in parts.indices {
      parts[part].value = parts[part].shard!.part(of: parameters[part].value)
    }
  }

  /// Copies the parts of all ranks into the parameters of the model, after a step.
  ///
  /// A rank sends its part to every other rank: (P − 1) / P of the parameters' bytes, on average.
  public func gather() throws(CommunicatorError) {
    let shards = (0..<communicator.size).map { rank in
      parts.indices.map { plan.shard(of: $0, rank: rank) }
    }
    let sizes = parts.map { $0.value.scalarType.byteCount }
    let counts = shards.map { zip($0, sizes).reduce(0) { $0 + $1.0.shape.elementCount * $1.1 } }
    var own = [UInt8](repeating: 0, count: counts[communicator.rank])
    var place = 0
    own.withUnsafeMutableBytes { own in
      for part in parts {
        part.value.withUnsafeBytes { bytes in
          UnsafeMutableRawBufferPointer(rebasing: own[place..<place + bytes.count]).copyMemory(from: bytes)
          place += bytes.count
        }
      }
    }
    var all = [UInt8](repeating: 0, count: counts.reduce(0, +))
    try own.withUnsafeBufferPointer { own throws(CommunicatorError) in
      try all.withUnsafeMutableBufferPointer { all throws(CommunicatorError) in
        try communicator.gatherAll(
          UnsafeRawBufferPointer(own), into: UnsafeMutableRawBufferPointer(all), counts: counts)
      }
    }
    place = 0
    all.withUnsafeBytes { all in
      for shards in shards {
        for (index, shard) in shards.enumerated() {
          let size = sizes[index]
          parameters[index].value.withUnsafeMutableBytes { target in
            shard.forEachRun { whole, part, count in
              (target.baseAddress! + whole * size).copyMemory(
                from: all.baseAddress! + (place + part * size), byteCount: count * size)
            }
          }
          place += shard.shape.elementCount * size
        }
      }
    }
  }
}

extension Communicator {
  /// Replaces the values of parameters on every rank by the values of `root`.
  ///
  /// - Throws: ``CommunicatorError/ranksDiffer(_:)`` if names, shapes or types differ, with nothing changed.
  public func broadcast(_ parameters: [Parameter], from root: Int = 0) throws(CommunicatorError) {
    try requireSame(
      [("the number of parameters", "\(parameters.count)")]
        + parameters.enumerated().map { index, parameter in
          ("parameter \(index)", "\(parameter)")
        })
    for parameter in parameters {
      try parameter.value.withUnsafeMutableBytes { bytes throws(CommunicatorError) in
        try broadcast(bytes, from: root)
      }
    }
  }
}
