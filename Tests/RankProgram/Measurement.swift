import DistributedTraining
import Optimizers
import Tensors

/// Times of shared steps and of averages, for the documentation: `mpirun -n 4 RankProgram measure`.
enum Measurement {
  private static let rounds = 15

  /// The least time of several rounds, in milliseconds, on the slowest rank.
  private static func time(
    _ communicator: any Communicator, _ body: () throws -> Void
  ) throws -> Double {
    var least = Double.infinity
    let clock = ContinuousClock()
    for _ in 0..<rounds {
      try communicator.barrier()
      let start = clock.now
      try body()
      let (seconds, attoseconds) = (clock.now - start).components
      var times = [Double(seconds) * 1e3 + Double(attoseconds) / 1e15]
      try times.withUnsafeMutableBufferPointer { try communicator.maximum($0) }
      least = min(least, times[0])
    }
    return least
  }

  static func run(_ communicator: any Communicator) throws {
    func report(_ text: String) { if communicator.rank == 0 { print(text) } }
    let (size, shape) = (communicator.size, Shape([4096, 4096]))
    let shard = ShardPlan([shape], ranks: size).shard(of: 0, rank: communicator.rank)
    let parameter = Parameter("w", Tensor(repeating: 0.5, shape: shard.shape), shard: shard)
    var generator = SeededGenerator(seed: UInt64(communicator.rank))
    parameter.gradient = Tensor(uniform: shard.shape, from: -1, using: &generator)
    let optimizer = try Adafactor([parameter], threads: 1)
    let alone = shard.shape
    try optimizer.share(over: communicator)
    try optimizer.step()
    let before = optimizer.sentByteCount
    try optimizer.step()
    report("\(size) ranks: \(optimizer.sentByteCount - before) bytes per step on rank 0, part \(alone)")
    report("step of [4096, 4096]: \(try time(communicator) { try optimizer.step() }) ms")

    // The step of the same part as a tensor of its own: without communication.
    let own = Parameter("w", Tensor(repeating: 0.5, shape: shard.shape))
    own.gradient = parameter.gradient
    let single = try Adafactor([own], threads: 1)
    try single.step()
    report("step of the part alone: \(try time(communicator) { try single.step() }) ms")

    for count in [8_196, 1 << 22] {
      let vector = Parameter("v", Tensor(zeros: [count], as: .float64))
      let averager = try GradientAverager([vector], partCount: 8, over: communicator)
      let gradient = Tensor(ones: [count], as: .float64)
      let ordered = try time(communicator) {
        for part in averager.parts {
          vector.gradient = part == averager.parts.lowerBound ? gradient : nil
          try averager.add(part)
        }
        try averager.average()
      }
      report("average of \(count) Float64 in the tree: \(ordered) ms")
      #if MPI
        if let mpi = communicator as? MPICommunicator {
          var numbers = [Double](repeating: 1, count: count)
          let plain = try time(communicator) {
            try numbers.withUnsafeMutableBufferPointer { try mpi.sumInAnyOrder($0) }
          }
          report("all-reduce of \(count) Float64 by MPI: \(plain) ms")
        }
      #endif
    }
  }
}
