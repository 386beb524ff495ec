import Synchronization
import Testing

@testable import Tensors

@Suite("The parallel loop")
struct ParallelLoopTests {
  @Test(arguments: [0, 1, 2, 3, 1000], [1, 2, 3, 64])
  func `The loop runs every index once`(count: Int, threads: Int) {
    var runs = [Int](repeating: 0, count: count)
    runs.withUnsafeMutableBufferPointer { runs in
      parallelFor(count: count, threads: threads) { runs[$1] += 1 }
    }
    #expect(runs == [Int](repeating: 1, count: count))
  }

  @Test func `With one thread, the loop runs in order on the caller's thread`() {
    var order: [Int] = []
    parallelFor(count: 5, threads: 1) { order.append($1) }
    #expect(order == [0, 1, 2, 3, 4])
  }

  @Test func `Nested loops finish`() {
    let total = Counter()
    parallelFor(count: 8, threads: 4) { _, _ in
      parallelFor(count: 8, threads: 4) { _, _ in total.increment() }
    }
    #expect(total.value == 64)
  }

  @Test func `Two threads never have the same worker number at the same time`() {
    let threads = 4
    var busy = [Int](repeating: 0, count: threads)
    let clashes = Counter()
    busy.withUnsafeMutableBufferPointer { busy in
      parallelFor(count: 2000, threads: threads) { worker, _ in
        // Unsynchronized on purpose: only one worker uses an entry.
        busy[worker] += 1
        if busy[worker] != 1 { clashes.increment() }
        busy[worker] -= 1
      }
    }
    #expect(clashes.value == 0)
  }

  @Test(.enabled(if: processorCount > 1))
  func `Two threads meet inside the loop`() {
    // Each index waits until both have started, which never happens on one thread. While another test runs a
    // loop, this loop gets no help, so it is repeated until a time limit ends a failing test.
    let deadline = ContinuousClock.now + .seconds(30)
    let met = Counter()
    while met.value < 2, ContinuousClock.now < deadline {
      let started = Counter()
      let patience = ContinuousClock.now + .milliseconds(100)
      parallelFor(count: 2, threads: 2) { _, _ in
        started.increment()
        while started.value < 2, ContinuousClock.now < patience {}
        if started.value == 2 { met.increment() }
      }
    }
    #expect(met.value >= 2)
  }
}
