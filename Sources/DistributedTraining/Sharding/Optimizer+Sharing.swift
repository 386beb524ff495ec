import Optimizers

extension Optimizer {
  /// Connects this optimizer with the ranks that hold the other parts of its parameters. From then on, all ranks step together.
  ///
  ///     let plan = ShardPlan(model.parameters.map(\.value.shape), ranks: communicator.size)
  ///     let parameters = plan.parts(of: model.parameters, rank: communicator.rank)
  ///     let optimizer = try Adafactor(parameters, options: .init(learningRate: .constant(1e-3)))
  ///     try optimizer.share(over: communicator)
  ///
  /// A step has the bits of one process that holds the whole tensors, for any number of ranks. RMS, clipping, finiteness and the
  /// policies for gradients that are not finite concern whole tensors: a NaN on one rank is seen by all. Besides small
  /// messages of a few numbers per rank, a step sends the sums of each matrix that is divided by rows: 2 (m + 2) numbers in
  /// Float64 for m columns; by columns, 2 n + 3 for n rows; and 2 numbers of every other tensor.
  ///
  /// All ranks must have the same parameters, options, policy and backend. In each step they must have gradients of the same
  /// parameters, with the same scale. If they don't, every rank throws an error that lists the differences.
  ///
  /// - Parameter communicator: The ranks. Only this optimizer may use it during a step.
  /// - Throws: ``CommunicatorError/ranksDiffer(_:)`` on every rank, with nothing connected.
  public func share(over communicator: any Communicator) throws(CommunicatorError) {
    let facts = sharedFacts
    try communicator.requireSame([("the number of parameters", "\(parameters.count)")] + facts)
    reducer = SharedSteps(communicator)
  }
}

/// The connection of one optimizer with the other ranks.
final class SharedSteps: StepReducer {
  let communicator: any Communicator
  /// The prepared reductions: a few, because phases differ, and steps of single parameters.
  private var prepared: [(key: [Key], reduction: TreeReduction<Double>)] = []
  private static let mostPrepared = 64
  /// The number of bytes that this rank has sent to others for sums.
  private(set) var sentByteCount = 0

  /// The properties that a prepared reduction depends on.
  private struct Key: Equatable {
    let blocksByRank: [Range<Int>]
    let length: Int
    let order: StepReduction.Order
    let blocksPerMatrix: Int
    let blockCount: Int

    var member: TreeReduction<Double>.Member {
      switch order {
      case .sumOverBlocks: .init(length: length, leavesByRank: blocksByRank, leafCount: blockCount)
      case .sumOverMatrices:
        // Blocks of whole matrices.
        .init(
          length: length,
          leavesByRank: blocksByRank.map {
            $0.lowerBound / blocksPerMatrix..<$0.upperBound / blocksPerMatrix
          }, leafCount: blockCount / blocksPerMatrix)
      case .count, .maximum:
        .init(length: length, ranks: blocksByRank.count, takesMaximum: order == .maximum)
      }
    }
  }

  init(_ communicator: any Communicator) { self.communicator = communicator }

  func requireSame(
    digest: UInt64, _ facts: () -> [(name: String, value: String)]
  ) throws(OptimizerError) {
    do { try communicator.requireSame(digest: digest, facts) } catch { throw .communication("\(error)") }
  }

  func reduce(
    _ reductions: [(shard: TensorShard, reduction: StepReduction)]
  ) throws(OptimizerError) {
    let key = reductions.map { shard, reduction in
      Key(
        blocksByRank: shard.blocksByRank, length: reduction.length, order: reduction.order,
        blocksPerMatrix: max(1, shard.extent.partition.blocksPerMatrix),
        blockCount: shard.extent.partition.blockCount)
    }
    let (members, reduction) = prepare(key)
    let sent = reduction.sentByteCount
    sentByteCount += sent.scatter + sent.gather
    let partials = zip(reductions, members).map { item, member in
      (0..<member.partials[communicator.rank]).map {
        item.reduction.numbers + $0 * item.reduction.length
      }
    }
    do {
      try reduction.reduce(partials, into: reductions.map(\.reduction.numbers), communicator)
    } catch {
      throw .communication("The step was not made. \(error)")
    }
  }

  private func prepare(
    _ key: [Key]
  ) -> (members: [TreeReduction<Double>.Member], reduction: TreeReduction<Double>) {
    if let found = prepared.last(where: { $0.key == key }) {
      return (found.reduction.members, found.reduction)
    }
    if prepared.count >= Self.mostPrepared { prepared.removeFirst() }
    let members = key.map(\.member)
    let reduction = TreeReduction(
      members, runs: TreeReduction.segments(members, ranks: communicator.size), communicator)
    prepared.append((key, reduction))
    return (members, reduction)
  }

  func combine(_ flags: UnsafeMutableBufferPointer<Bool>) throws(OptimizerError) {
    do {
      let isSet = try communicator.gatherAll(UInt8(flags.contains(true) ? 1 : 0))
      guard isSet.contains(1) else { return }
      for rankFlags in try communicator.gatherAll(flags.map { $0 ? 1 : 0 }) {
        for (index, flag) in rankFlags.enumerated() where flag == 1 { flags[index] = true }
      }
    } catch {
      throw .communication("The step was made. \(error)")
    }
  }
}

extension Optimizer {
  /// The number of bytes that this rank has sent to others for the sums of shared steps.
  package var sentByteCount: Int { (reducer as? SharedSteps)?.sentByteCount ?? 0 }
}
