import CLibrary
import Dispatch

/// Ranks that are threads of one process, for tests and for programs that try out a number of ranks.
///
///     let norms = try ThreadGroup.run(ranks: 4) { communicator in
///       …
///     }
public enum ThreadGroup {
  /// Runs `body` on as many threads as there are ranks, and returns their results in the order of the ranks.
  ///
  /// If one rank throws, the operations of the others throw ``CommunicatorError/rankFailed(rank:message:)``.
  ///
  /// - Throws: The error of the first rank that failed.
  /// - Precondition: `ranks` is at least 1.
  public static func run<Result: Sendable>(
    ranks: Int, _ body: @escaping @Sendable (any Communicator) throws -> Result
  ) throws -> [Result] {
    guard ranks >= 1 else { fatalError("A group of \(ranks) ranks: it needs at least one.") }
    let meeting = Meeting(size: ranks)
    let outcomes = Outcomes<Result>(count: ranks)
    let group = DispatchGroup()
    for rank in 0..<ranks {
      // A queue of its own for each rank: ranks wait for one another, so that all must have a thread.
      DispatchQueue(label: "swift-adafactor.rank-\(rank)").async(group: group) {
        do {
          outcomes.set(.success(try body(ThreadCommunicator(rank: rank, meeting: meeting))), rank)
        } catch {
          meeting.fail(rank: rank, message: "\(error)")
          outcomes.set(.failure(error), rank)
        }
      }
    }
    group.wait()
    if let rank = meeting.failedRank { _ = try outcomes[rank].get() }
    return try (0..<ranks).map { try outcomes[$0].get() }
  }
}

/// The results of the ranks. Unchecked: each rank writes its own place, and they are read after all have ended.
private final class Outcomes<Value: Sendable>: @unchecked Sendable {
  private let values: UnsafeMutableBufferPointer<Result<Value, any Error>?>

  init(count: Int) {
    values = .allocate(capacity: count)
    values.initialize(repeating: nil)
  }

  deinit {
    values.deinitialize()
    values.deallocate()
  }

  func set(_ value: Result<Value, any Error>, _ rank: Int) { values[rank] = value }
  subscript(rank: Int) -> Result<Value, any Error> { values[rank]! }
}

/// The place where the threads of a group meet and show one another their memory.
///
/// Unchecked: everything is read and written under the lock, apart from the memory that ranks show. That is read only between
/// two meetings of all ranks, during which its owner leaves it alone.
private final class Meeting: @unchecked Sendable {
  let size: Int
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var arrivedCount = 0
  private var generation = 0
  private var failure: (rank: Int, message: String)?
  private var shown: [(bytes: UnsafeRawBufferPointer, counts: [Int])]

  init(size: Int) {
    self.size = size
    shown = Array(repeating: (UnsafeRawBufferPointer(start: nil, count: 0), []), count: size)
    pthread_mutex_init(lock, nil)
    pthread_cond_init(changed, nil)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(lock)
    changed.deallocate()
    lock.deallocate()
  }

  var failedRank: Int? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return failure?.rank
  }

  func fail(rank: Int, message: String) {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    if failure == nil { failure = (rank, message) }
    pthread_cond_broadcast(changed)
  }

  /// Waits until all ranks are here.
  func meet() throws(CommunicatorError) {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    let current = generation
    arrivedCount += 1
    if arrivedCount == size {
      arrivedCount = 0
      generation += 1
      pthread_cond_broadcast(changed)
    }
    while generation == current {
      if let failure { throw .rankFailed(rank: failure.rank, message: failure.message) }
      pthread_cond_wait(changed, lock)
    }
  }

  /// Shows the memory of a rank to the others, which read it in `body`.
  func show(
    _ bytes: UnsafeRawBufferPointer, counts: [Int], from rank: Int,
    _ body: ([(bytes: UnsafeRawBufferPointer, counts: [Int])]) -> Void
  ) throws(CommunicatorError) {
    pthread_mutex_lock(lock)
    shown[rank] = (bytes, counts)
    pthread_mutex_unlock(lock)
    try meet()
    pthread_mutex_lock(lock)
    let all = shown
    pthread_mutex_unlock(lock)
    body(all)
    try meet()
  }
}

/// One thread of a group.
private final class ThreadCommunicator: Communicator {
  let rank: Int
  private let meeting: Meeting

  init(rank: Int, meeting: Meeting) {
    self.rank = rank
    self.meeting = meeting
  }

  var size: Int { meeting.size }

  func exchange(
    _ sent: UnsafeRawBufferPointer, counts sentCounts: [Int], into received: UnsafeMutableRawBufferPointer,
    counts receivedCounts: [Int]
  ) throws(CommunicatorError) {
    let rank = rank
    try meeting.show(sent, counts: sentCounts, from: rank) { all in
      var place = 0
      for (sender, count) in receivedCounts.enumerated() {
        let start = all[sender].counts[..<rank].reduce(0, +)
        requireEqual(all[sender].counts[rank], count, sender)
        copy(all[sender].bytes, start..<start + count, to: received, at: place)
        place += count
      }
    }
  }

  func gatherAll(
    _ part: UnsafeRawBufferPointer, into whole: UnsafeMutableRawBufferPointer, counts: [Int]
  ) throws(CommunicatorError) {
    try meeting.show(part, counts: [part.count], from: rank) { all in
      var place = 0
      for (sender, count) in counts.enumerated() {
        requireEqual(all[sender].counts[0], count, sender)
        copy(all[sender].bytes, 0..<count, to: whole, at: place)
        place += count
      }
    }
  }

  func broadcast(
    _ bytes: UnsafeMutableRawBufferPointer, from root: Int
  ) throws(CommunicatorError) {
    let rank = rank
    try meeting.show(UnsafeRawBufferPointer(bytes), counts: [bytes.count], from: rank) { all in
      requireEqual(all[root].counts[0], bytes.count, root)
      if rank != root { copy(all[root].bytes, 0..<bytes.count, to: bytes, at: 0) }
    }
  }

  func barrier() throws(CommunicatorError) { try meeting.meet() }

  private func copy(
    _ source: UnsafeRawBufferPointer, _ range: Range<Int>, to target: UnsafeMutableRawBufferPointer,
    at place: Int
  ) {
    guard !range.isEmpty else { return }
    (target.baseAddress! + place).copyMemory(
      from: source.baseAddress! + range.lowerBound, byteCount: range.count)
  }

  private func requireEqual(_ sent: Int, _ expected: Int, _ sender: Int) {
    guard sent == expected else {
      fatalError("Rank \(rank) expects \(expected) bytes of rank \(sender), which sends \(sent).")
    }
  }
}
