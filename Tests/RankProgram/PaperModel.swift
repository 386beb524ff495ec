import DistributedTraining
import Optimizers
import Tensors

/// A model of the time of a step of large models on many ranks, from the real plan of the shards: `RankProgram model`. The table
/// is in the article *Steps that ranks share*.
enum PaperModel {
  private static let models: [(name: String, shapes: [Shape])] = [
    (
      "GPT-2 XL",
      [[50257, 1600], [1024, 1600]]
        + (0..<48).flatMap { _ -> [Shape] in
          [
            [1600, 4800], [1600, 1600], [1600, 6400], [6400, 1600], [4800], [1600], [6400], [1600], [1600],
          ]
        }
    ),
    (
      "T5-11B",
      [[32128, 1024]]
        + (0..<48).flatMap { layer -> [Shape] in
          let attention: [Shape] = [[16384, 1024], [16384, 1024], [16384, 1024], [1024, 16384], [1024]]
          return attention + (layer < 24 ? [] : attention) + [[65536, 1024], [1024, 65536], [1024]]
        }
    ),
    (
      "70 B",
      [[32000, 8192], [32000, 8192]]
        + (0..<80).flatMap { _ -> [Shape] in
          [
            [8192, 8192], [1024, 8192], [1024, 8192], [8192, 8192], [28672, 8192], [28672, 8192],
            [8192, 28672], [8192], [8192],
          ]
        }
    ),
  ]

  /// Float64 numbers that the ranks combine for a tensor, by the form of its blocks.
  private static func length(_ shard: TensorShard) -> Int {
    let partition = shard.extent.partition
    switch partition.form {
    case .rows where partition.blocksPerMatrix > 1: return 2 * partition.columns + 4
    case .columns where partition.blocksPerMatrix > 1: return 2 * partition.rows + 3
    default: return 2
    }
  }

  /// Prints, per model and number of ranks: elements of the fullest rank over the mean, and megabytes that a rank sends.
  static func run() {
    print("model, parameters, ranks, balance, MB for sums, MB for all-reduce of Float32 gradients")
    for (name, shapes) in models {
      let total = shapes.reduce(0) { $0 + $1.elementCount }
      for ranks in [8, 64, 256, 1024] {
        let plan = ShardPlan(shapes, ranks: ranks)
        let largest = (0..<ranks).map(plan.elementCount).max()!
        let others = Double(ranks - 1) / Double(ranks)
        var numbers = 0.0
        for index in shapes.indices {
          let shard = plan.shard(of: index, rank: 0)
          let partials = shard.blocksByRank.reduce(0) {
            $0 + SumTree.subtrees(of: $1, count: shard.extent.partition.blockCount).count
          }
          // Partial sums of the average rank, and the totals that it sends to the others.
          numbers += Double(length(shard)) * others * (Double(partials) / Double(ranks) + 1)
        }
        let balance = Double(largest) * Double(ranks) / Double(total)
        print(
          "\(name), \(total), \(ranks), \((balance * 100).rounded() / 100), "
            + "\((8 * numbers / 1e4).rounded() / 100), \((8 * Double(total) * others / 1e6).rounded())")
      }
    }
  }
}
