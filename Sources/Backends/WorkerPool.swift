import CLibrary
import Dispatch
import Synchronization

/// The threads that help with parallel loops. They start with the first loop and are kept.
///
/// A step consists of a few loops with microseconds between them. Therefore, a thread that has just helped
/// looks for the next loop for a while before it sleeps. The thread that started a loop never waits for a
/// helper that has not joined, because waking a thread takes longer than a step on a small tensor.
/// `concurrentPerform` took four times as long as one thread for a matrix of 256 × 256.
///
/// Unchecked: `loop` is written only while no helper is inside, and read only by helpers inside; `helpers`
/// tracks them.
final class WorkerPool: @unchecked Sendable {
  /// The pool of this process.
  static let shared = WorkerPool(threads: mostWorkers - 1)

  /// A loop that several threads share.
  private struct Loop {
    var count = 0
    var body: UnsafePointer<(_ worker: Int, _ index: Int) -> Void>?
  }

  private let threads: Int
  private var loop = Loop()
  /// The number of helpers inside the loop, plus `place` times the number of its places, or `closed` if there
  /// is no loop.
  private let helpers = Atomic(WorkerPool.closed)
  /// The next index of the loop.
  private let next = Atomic(0)
  /// The number of loops so far, which helpers watch.
  private let generation = Atomic(0)
  /// The number of helpers that sleep or are about to.
  private let sleepers = Atomic(0)
  private let wakeUp = DispatchSemaphore(value: 0)
  /// Whether a thread is running a loop.
  private let isBusy = Atomic(false)
  /// Whether the threads have been started.
  private var isStarted = false

  private static let closed = -1
  private static let place = 1 << 16
  /// The number of times that a helper looks for a new loop before it sleeps. This takes about a tenth of a
  /// millisecond, longer than the time between the loops of a step.
  private static let looks = 200_000

  private init(threads: Int) { self.threads = threads }

  /// Runs a loop with at most `threads` − 1 helpers. While another loop runs, does nothing and returns
  /// `false`.
  func run(count: Int, threads: Int, _ body: (_ worker: Int, _ index: Int) -> Void) -> Bool {
    guard !isBusy.exchange(true, ordering: .acquiring) else { return false }
    defer { isBusy.store(false, ordering: .releasing) }
    start()
    withoutActuallyEscaping(body) { body in
      withUnsafePointer(to: body) { body in
        loop = Loop(count: count, body: body)
        next.store(0, ordering: .relaxed)
        let places = min(count, threads, Self.place) - 1
        helpers.store(places * Self.place, ordering: .releasing)
        generation.add(1, ordering: .sequentiallyConsistent)
        wake(places)
        runIndices(asWorker: 0)
        close(places)
      }
    }
    return true
  }

  /// Takes indices until none remain.
  private func runIndices(asWorker worker: Int) {
    let (count, body) = (loop.count, loop.body!)
    while true {
      let index = next.add(1, ordering: .relaxed).oldValue
      if index >= count { return }
      body.pointee(worker, index)
    }
  }

  /// Lets no other helpers in, and waits for the helpers inside.
  private func close(_ places: Int) {
    let nobody = places * Self.place
    var looks = 0
    while !helpers.compareExchange(expected: nobody, desired: Self.closed, ordering: .acquiring).exchanged {
      looks += 1
      if looks % 1000 == 0 { sched_yield() }
    }
  }

  // MARK: Helpers

  private func start() {
    guard !isStarted else { return }
    isStarted = true
    for _ in 0..<threads {
      // A separate queue per helper: other work never waits for a thread that a helper occupies forever.
      DispatchQueue(label: "swift-adafactor.worker", qos: .userInitiated).async { self.help() }
    }
  }

  /// Wakes sleeping helpers, at most as many as the loop has places.
  private func wake(_ places: Int) {
    var places = places
    while places > 0, takeSleeper() {
      wakeUp.signal()
      places -= 1
    }
  }

  /// Decrements the number of sleepers if it is positive. A thread that wakes others then sends one signal; a
  /// thread that was about to sleep then needs none.
  private func takeSleeper() -> Bool {
    var count = sleepers.load(ordering: .sequentiallyConsistent)
    while count > 0 {
      let result = sleepers.weakCompareExchange(
        expected: count, desired: count - 1, ordering: .sequentiallyConsistent)
      if result.exchanged { return true }
      count = result.original
    }
    return false
  }

  /// Helps with loops forever.
  private func help() {
    var seen = 0
    while true {
      waitForLoop(after: &seen)
      if let worker = enter() {
        runIndices(asWorker: worker)
        helpers.subtract(1, ordering: .releasing)
      }
    }
  }

  /// Waits until there is another loop.
  private func waitForLoop(after seen: inout Int) {
    for _ in 0..<Self.looks {
      let current = generation.load(ordering: .acquiring)
      if current != seen {
        seen = current
        return
      }
    }
    sleepers.add(1, ordering: .sequentiallyConsistent)
    // Either this thread sees the loop, or the thread that started the loop sees this thread among the
    // sleepers.
    if generation.load(ordering: .sequentiallyConsistent) == seen || !takeSleeper() {
      wakeUp.wait()
    }
    seen = generation.load(ordering: .acquiring)
  }

  /// Returns the number of this helper in the loop, or `nil` if there is no loop or no place is left.
  ///
  /// A number is reused only after its first holder found no more indices. The second holder then finds none
  /// either.
  private func enter() -> Int? {
    var current = helpers.load(ordering: .relaxed)
    while current != Self.closed && current % Self.place < current / Self.place {
      let result = helpers.weakCompareExchange(
        expected: current, desired: current + 1, successOrdering: .acquiring, failureOrdering: .relaxed)
      if result.exchanged { return current % Self.place + 1 }
      current = result.original
    }
    return nil
  }
}
