import Optimizers

/// The way in which ranks combine partial results, prepared once: every rank combines some of the numbers, from the partial
/// results of all ranks, in an order that depends only on the tree.
///
/// A rank sends each of its partial results once, to the rank that combines its numbers. Other reductions send one partial
/// result per rank. Here it is also one if the rank's blocks form a subtree, and otherwise a few.
final class TreeReduction<Number: BinaryFloatingPoint> {
  /// The numbers of one tensor, which are combined.
  struct Member {
    let length: Int
    /// The number of partial results of each rank.
    let partials: [Int]
    /// The pairs of partial results that are combined, in their order.
    let additions: [(into: Int, from: Int)]
    let takesMaximum: Bool

    /// Numbers that are added up in a tree over `leafCount` leaves.
    ///
    /// - Parameter leavesByRank: The leaves of each rank, without gaps.
    init(length: Int, leavesByRank: [Range<Int>], leafCount: Int) {
      let subtrees = leavesByRank.map { SumTree.subtrees(of: $0, count: leafCount) }
      self.length = length
      partials = subtrees.map(\.count)
      additions = SumTree.additions(Array(subtrees.joined()))
      takesMaximum = false
    }

    /// Numbers of which every rank has one partial result: whole numbers to add, or magnitudes of which the largest is taken.
    init(length: Int, ranks: Int, takesMaximum: Bool) {
      self.length = length
      partials = [Int](repeating: 1, count: ranks)
      additions = (1..<max(1, ranks)).map { (0, $0) }
      self.takesMaximum = takesMaximum
    }
  }

  /// Consecutive numbers of one member.
  struct Run {
    let member: Int
    let range: Range<Int>
  }

  private let rank: Int
  let members: [Member]
  /// The numbers that each rank combines.
  private let runs: [[Run]]
  private let sentCounts: [Int]
  private let receivedCounts: [Int]
  private var sent: [Number]
  private var received: [Number]
  private var combined: [Number]

  /// Prepares a reduction in which each rank combines the numbers of its runs.
  init(_ members: [Member], runs: [[Run]], _ communicator: any Communicator) {
    let rank = communicator.rank
    self.rank = rank
    self.members = members
    self.runs = runs
    func count(from sender: Int, to receiver: Int) -> Int {
      runs[receiver].reduce(0) { $0 + members[$1.member].partials[sender] * $1.range.count }
    }
    sentCounts = runs.indices.map { count(from: rank, to: $0) }
    receivedCounts = runs.indices.map { count(from: $0, to: rank) }
    sent = [Number](repeating: 0, count: sentCounts.reduce(0, +))
    received = [Number](repeating: 0, count: receivedCounts.reduce(0, +))
    combined = [Number](repeating: 0, count: runs[rank].reduce(0) { $0 + $1.range.count })
  }

  /// Segments of all numbers, about as many for each rank.
  static func segments(_ members: [Member], ranks: Int) -> [[Run]] {
    let total = members.reduce(0) { $0 + $1.length }
    return (0..<ranks).map { rank in
      var start = 0
      return members.indices.compactMap { index in
        let place = start..<start + members[index].length
        start = place.upperBound
        let overlap = (total * rank / ranks..<total * (rank + 1) / ranks).clamped(to: place)
        return overlap.isEmpty
          ? nil
          : Run(
            member: index,
            range: overlap.lowerBound - place.lowerBound..<overlap.upperBound - place.lowerBound)
      }
    }
  }

  /// The number of bytes that this rank sends to others to combine; and to gather the results.
  var sentByteCount: (scatter: Int, gather: Int) {
    let size = MemoryLayout<Number>.stride
    let others = sentCounts.indices.reduce(0) { $0 + ($1 == rank ? 0 : sentCounts[$1]) }
    return (size * others, size * combined.count * (runs.count - 1))
  }

  /// Combines the numbers of this rank's runs, and calls `body` with each run and its results.
  ///
  /// - Parameter partials: For each member, its partial results on this rank.
  func scatter(
    _ partials: [[UnsafeMutablePointer<Number>]], _ communicator: any Communicator,
    _ body: (Run, UnsafeMutablePointer<Number>) -> Void
  ) throws(CommunicatorError) {
    pack(partials)
    let size = MemoryLayout<Number>.stride
    try sent.withUnsafeBufferPointer { sent throws(CommunicatorError) in
      try received.withUnsafeMutableBufferPointer { received throws(CommunicatorError) in
        try communicator.exchange(
          UnsafeRawBufferPointer(sent), counts: sentCounts.map { size * $0 },
          into: UnsafeMutableRawBufferPointer(received), counts: receivedCounts.map { size * $0 })
      }
    }
    combine(body)
  }

  /// Combines all numbers, on all ranks.
  ///
  /// - Parameters:
  ///   - partials: For each member, its partial results on this rank.
  ///   - results: The memory for the results of each member, which may be a partial result's.
  func reduce(
    _ partials: [[UnsafeMutablePointer<Number>]], into results: [UnsafeMutablePointer<Number>],
    _ communicator: any Communicator
  ) throws(CommunicatorError) {
    var place = 0
    var own = combined
    try scatter(partials, communicator) { run, numbers in
      for index in 0..<run.range.count { own[place + index] = numbers[index] }
      place += run.range.count
    }
    let counts = runs.map { $0.reduce(0) { $0 + $1.range.count } }
    var gathered = [Number](repeating: 0, count: counts.reduce(0, +))
    let size = MemoryLayout<Number>.stride
    try own.withUnsafeBufferPointer { own throws(CommunicatorError) in
      try gathered.withUnsafeMutableBufferPointer { gathered throws(CommunicatorError) in
        try communicator.gatherAll(
          UnsafeRawBufferPointer(own), into: UnsafeMutableRawBufferPointer(gathered),
          counts: counts.map { size * $0 })
      }
    }
    gathered.withUnsafeBufferPointer { gathered in
      var place = 0
      for run in runs.joined() {
        (results[run.member] + run.range.lowerBound).update(
          from: gathered.baseAddress! + place, count: run.range.count)
        place += run.range.count
      }
    }
  }

  /// Copies the partial results of this rank: for each rank that combines, run after run.
  private func pack(_ partials: [[UnsafeMutablePointer<Number>]]) {
    var place = 0
    sent.withUnsafeMutableBufferPointer { sent in
      for run in runs.joined() {
        for partial in partials[run.member] {
          (sent.baseAddress! + place).update(
            from: partial + run.range.lowerBound, count: run.range.count)
          place += run.range.count
        }
      }
    }
  }

  /// Combines the partial results of all ranks.
  private func combine(_ body: (Run, UnsafeMutablePointer<Number>) -> Void) {
    var places = receivedCounts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
    var nothing = [Number](repeating: 0, count: runs[rank].map(\.range.count).max() ?? 0)
    received.withUnsafeMutableBufferPointer { received in
      nothing.withUnsafeMutableBufferPointer { nothing in
        for run in runs[rank] {
          let member = members[run.member]
          var partials: [UnsafeMutablePointer<Number>] = []
          for sender in member.partials.indices {
            for _ in 0..<member.partials[sender] {
              partials.append(received.baseAddress! + places[sender])
              places[sender] += run.range.count
            }
          }
          for (into, from) in member.additions {
            let (target, source) = (partials[into], partials[from])
            if member.takesMaximum {
              for index in 0..<run.range.count { target[index] = max(target[index], source[index]) }
            } else {
              for index in 0..<run.range.count { target[index] += source[index] }
            }
          }
          // Where no rank has a partial result, there is nothing to add up.
          body(run, partials.first ?? nothing.baseAddress!)
        }
      }
    }
  }
}
