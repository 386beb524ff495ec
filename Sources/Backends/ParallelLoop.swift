import CLibrary

/// Runs `body(worker, i)` once for every i in 0..<count, on at most `threads` threads, and returns when all
/// are done.
///
/// `worker` is the number of the thread that runs it, below `threads`. Only one index at a time has a given
/// number, so threads can use separate scratch memory.
///
/// The calling thread takes part. Threads take indices in ascending order as they become free, so uneven work
/// is balanced. It is not determined which thread runs an index, and `body` must not depend on it. With one
/// thread or one index, the loop is a plain loop. A loop that starts while another loop is running is a plain
/// loop too.
///
/// - Precondition: `body` can run for different indices at the same time. The compiler cannot check this,
///   because kernels write disjoint parts of one memory block.
package func parallelFor(count: Int, threads: Int, _ body: (_ worker: Int, _ index: Int) -> Void) {
  if min(count, threads) > 1 && WorkerPool.shared.run(count: count, threads: threads, body) { return }
  for index in 0..<count { body(0, index) }
}

/// The maximum number of threads that run a parallel loop together, including the thread that starts it.
package let mostWorkers = max(2, processorCount)

/// The number of processors that are online, at least 1.
package let processorCount = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
