import KernelInterface
import Optimizers
import Tensors

/// The division of tensors among ranks: of each tensor, the blocks that `Adafactor` steps it by, dealt as evenly as they allow.
///
///     let plan = ShardPlan(model.parameters.map(\.value.shape), ranks: communicator.size)
///     let parameters = plan.parts(of: model.parameters, rank: communicator.rank)
///
/// A large matrix is divided by rows, a wide matrix of few rows by columns, a stack of large matrices between the matrices, and a
/// vector between its elements. A small tensor has a single block and goes to one rank: the one that has the least so far.
/// Every rank computes the same plan.
public struct ShardPlan: Sendable {
  /// The number of ranks.
  public let rankCount: Int
  private let shapes: [Shape]
  /// The blocks of each rank, for each tensor.
  private let blocks: [[Range<Int>]]

  /// Divides tensors of these shapes.
  ///
  /// - Parameters:
  ///   - shapes: The shapes of whole tensors.
  ///   - ranks: The number of ranks.
  /// - Precondition: there is at least one rank.
  public init(_ shapes: [Shape], ranks: Int) {
    guard ranks >= 1 else {
      fatalError("Tensors were to be divided among \(ranks) ranks: there must be one.")
    }
    self.shapes = shapes
    rankCount = ranks
    var blocks = [[Range<Int>]](repeating: [], count: shapes.count)
    var load = [Int](repeating: 0, count: ranks)
    // The largest first: the small ones then even out the load.
    let order = shapes.indices.sorted {
      (shapes[$1].elementCount, $0) < (shapes[$0].elementCount, $1)
    }
    for index in order { blocks[index] = Self.deal(TensorShard.partition(shapes[index]), &load) }
    self.blocks = blocks
  }

  /// The number of columns below which kernels work on several rows at once.
  private static let narrowColumns = 8

  /// Deals the blocks of a tensor, and adds their elements to the loads of the ranks.
  private static func deal(_ partition: BlockPartition, _ load: inout [Int]) -> [Range<Int>] {
    let ranks = load.count
    // A stack of divided matrices is dealt matrix by matrix.
    let unit = partition.matrixCount > 1 ? max(1, partition.blocksPerMatrix) : 1
    // Kernels sum a narrow panel in another order if it is a matrix of its own: it stays with its neighbour.
    let isLastNarrow =
      partition.form == .columns && partition.matrixCount == 1 && partition.blockCount > 1
      && partition[partition.blockCount - 1].columns.count < narrowColumns
    let unitCount = partition.blockCount / unit - (isLastNarrow ? 1 : 0)
    let (share, rest) = unitCount.quotientAndRemainder(dividingBy: ranks)
    var counts = [Int](repeating: share, count: ranks)
    if rest > 0 {
      let byLoad = (0..<ranks).sorted { (load[$0], $0) < (load[$1], $1) }
      for rank in byLoad.prefix(rest) { counts[rank] += 1 }
    }
    let last = counts.lastIndex { $0 > 0 }
    var start = 0
    return counts.indices.map { rank in
      let range = start..<start + counts[rank] * unit + (isLastNarrow && rank == last ? 1 : 0)
      start = range.upperBound
      load[rank] += Extent(partition, blocks: range).elementCount
      return range
    }
  }

  /// Returns the part of a tensor that a rank holds.
  ///
  /// - Parameters:
  ///   - tensor: The index of the tensor's shape.
  ///   - rank: The rank.
  public func shard(of tensor: Int, rank: Int) -> TensorShard {
    TensorShard(shapes[tensor], rank: rank, blocksByRank: blocks[tensor])
  }

  /// Returns the number of elements that a rank holds.
  public func elementCount(ofRank rank: Int) -> Int {
    shapes.indices.reduce(0) { $0 + shard(of: $1, rank: rank).shape.elementCount }
  }

  /// Returns the parts of parameters that a rank holds, with their values, as parameters of their own.
  ///
  /// - Parameters:
  ///   - parameters: Whole parameters, with the shapes of this plan.
  ///   - rank: The rank.
  public func parts(of parameters: [Parameter], rank: Int) -> [Parameter] {
    guard parameters.map(\.value.shape) == shapes else {
      fatalError(
        "A plan for tensors of the shapes \(shapes) was given parameters of the shapes "
          + "\(parameters.map(\.value.shape)).")
    }
    return parameters.enumerated().map { index, parameter in
      let shard = shard(of: index, rank: rank)
      return Parameter(parameter.name, shard.part(of: parameter.value), shard: shard)
    }
  }
}

extension Communicator {
  /// Returns the whole tensor of which every rank holds a part.
  ///
  /// - Parameters:
  ///   - part: The part of this rank.
  ///   - shard: The place of the part.
  public func whole(_ part: Tensor, _ shard: TensorShard) throws(CommunicatorError) -> Tensor {
    let shards = (0..<size).map { shard.of(rank: $0) }
    let byteCounts = shards.map { $0.shape.elementCount * part.scalarType.byteCount }
    var packed = Tensor(uninitialized: [shard.wholeShape.elementCount], as: part.scalarType)
    try part.withUnsafeBytes { source throws(CommunicatorError) in
      try packed.withUnsafeMutableBytes { target throws(CommunicatorError) in
        try gatherAll(source, into: target, counts: byteCounts)
      }
    }
    var whole = Tensor(uninitialized: shard.wholeShape, as: part.scalarType)
    var start = 0
    for shard in shards {
      let count = shard.shape.elementCount
      shard.copy(
        packed.rows(start..<start + count).reshaped(to: shard.shape), into: &whole)
      start += count
    }
    return whole
  }
}
