import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Runs `body(worker, i)` once for every i in 0..<count, on at most `threads` threads, and returns when all are done.
///
/// `worker` is the number of the thread that runs it, below `threads`: one index at a time has it, so that threads can
/// keep scratch memory apart.
///
/// The calling thread takes part. Indices are handed out in ascending order as threads become free, so that uneven
/// work balances; which thread runs which index is not determined, and `body` must not depend on it. With one thread
/// or one index it is a plain loop.
///
/// - Precondition: `body` may run for different indices at the same time. The compiler does not check this: here ends
///   what strict concurrency can see, since kernels write disjoint parts of one memory block.
package func parallelFor(count: Int, threads: Int, _ body: (_ worker: Int, _ index: Int) -> Void) {
  let workers = min(count, threads)
  if workers <= 1 {
    for index in 0..<count { body(0, index) }
    return
  }
  let next = Atomic(0)
  withoutActuallyEscaping(body) { body in
    nonisolated(unsafe) let body = body
    DispatchQueue.concurrentPerform(iterations: workers) { worker in
      while true {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        if index >= count { return }
        body(worker, index)
      }
    }
  }
}

/// The processors that this machine has online, at least one.
package let processorCount = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
