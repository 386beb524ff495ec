import DistributedTraining
import Tensors

/// Checks of the operations of a communicator, for threads and for processes.
package enum CommunicatorChecks {
  /// Runs all checks on this rank, and returns what is wrong.
  package static func run(on communicator: any Communicator) throws -> [String] {
    let (rank, size) = (communicator.rank, communicator.size)
    var problems: [String] = []
    func expect(_ isRight: Bool, _ problem: String) {
      if !isRight { problems.append("rank \(rank) of \(size): \(problem)") }
    }

    // Rank r sends r + s bytes of the value 16 r + s to rank s.
    let parts = (0..<size).map { [UInt8](repeating: UInt8(16 * rank + $0), count: rank + $0) }
    let received = try communicator.exchange(parts, receiving: (0..<size).map { $0 + rank })
    for sender in 0..<size {
      expect(
        received[sender] == [UInt8](repeating: UInt8(16 * sender + rank), count: sender + rank),
        "exchange with rank \(sender): \(received[sender])")
    }

    let own = [UInt8](repeating: UInt8(rank), count: 3 * (size - 1 - rank))
    let expected = (0..<size).map { [UInt8](repeating: UInt8($0), count: 3 * (size - 1 - $0)) }
    expect(try communicator.gatherAll(own) == expected, "gatherAll of lists")
    expect(try communicator.gatherAll(rank * rank) == (0..<size).map { $0 * $0 }, "gatherAll of numbers")
    for root in 0..<size {
      expect(try communicator.gather(own, at: root) == (rank == root ? expected : []), "gather at \(root)")
      let scattered = try communicator.scatter(rank == root ? expected : [], from: root)
      expect(scattered == own, "scatter from \(root)")
      var bytes = [UInt8](repeating: UInt8(rank), count: 5)
      try bytes.withUnsafeMutableBytes { try communicator.broadcast($0, from: root) }
      expect(bytes == [UInt8](repeating: UInt8(root), count: 5), "broadcast from \(root): \(bytes)")
    }
    try communicator.barrier()

    // Sums in the order of the ranks: Σ 0.1 (r + 1) k, which another order would round differently.
    for count in [0, 1, 7, 1000] {
      func numbers(_ rank: Int) -> [Float] { (0..<count).map { 0.1 * Float(rank + 1) * Float($0) } }
      var sums = numbers(rank)
      try sums.withUnsafeMutableBufferPointer { try communicator.sum($0) }
      let expected = (1..<max(1, size)).reduce(numbers(0)) { zip($0, numbers($1)).map(+) }
      expect(sums == expected, "sum of \(count)")
      var largest = (0..<count).map { Double(($0 * 7 + rank * 3) % 11) }
      try largest.withUnsafeMutableBufferPointer { try communicator.maximum($0) }
      let greatest = (0..<count).map { index in
        Double((0..<size).map { (index * 7 + $0 * 3) % 11 }.max()!)
      }
      expect(largest == greatest, "maximum of \(count)")
    }
    var missing = [rank == size - 1 ? Double.nan : 1]
    try missing.withUnsafeMutableBufferPointer { try communicator.maximum($0) }
    expect(missing[0].isNaN, "a NaN is the largest")

    // 256 + size · 0.5: in BFloat16 every term would be lost.
    var half = Tensor(repeating: rank == 0 ? 256 : 0.5, shape: [3], as: .bfloat16)
    try communicator.sum(&half)
    let total = Tensor(repeating: 256 + 0.5 * Double(size - 1), shape: [3], as: .bfloat16)
    expect(half == total, "a sum in BFloat16 is \(half)")
    return problems
  }
}
