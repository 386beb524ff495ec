import Benchmark
import Optimizers
import Tensors
import Workloads

let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(
    metrics: [.wallClock, .cpuTotal], warmupIterations: 2, maxDuration: .seconds(3), maxIterations: 200)

  for workload in Workload.all {
    for kernels in KernelPathKind.available {
      for threads in [1, 2] {
        Benchmark("Adafactor, \(workload.name), \(kernels.rawValue), \(threads) thread(s)") {
          benchmark, optimizer in
          for _ in benchmark.scaledIterations { try optimizer.step() }
        } setup: {
          try Adafactor(workload.parameters(), kernels: kernels, threads: threads)
        }
      }
    }
    for threads in [1, 2] {
      Benchmark("AdamW, \(workload.name), \(threads) thread(s)") { benchmark, optimizer in
        for _ in benchmark.scaledIterations { try optimizer.step() }
      } setup: {
        try AdamW(workload.parameters(), kernels: .swift, threads: threads)
      }
    }
  }
}
