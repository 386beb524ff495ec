import Benchmark
import Optimizers
import Tensors
import Workloads

// Whole optimizer steps, and the minimum memory traffic of each.
let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(
    metrics: [.wallClock, .cpuTotal], warmupIterations: 2, maxDuration: .seconds(1), maxIterations: 200)

  for workload in Workload.all {
    for threads in [1, 2] {
      let end = "\(workload.id), \(threads) thread\(threads > 1 ? "s" : "")"
      for backend in Backend.available {
        measure("Adafactor, \(backend.rawValue), \(end)") {
          try Adafactor(workload.parameters(), backend: backend, threads: threads)
        }
        measure("AdamW, \(backend.rawValue), \(end)") {
          try AdamW(workload.parameters(), backend: backend, threads: threads)
        }
      }
      for (name, mix) in [("Adafactor", MemoryTraffic.Mix.adafactor), ("AdamW", .adamW)] {
        Benchmark("traffic of \(name), \(end)") { benchmark, traffic in
          for _ in benchmark.scaledIterations { traffic.move() }
        } setup: {
          MemoryTraffic(mix, shapes: workload.shapes, threads: threads)
        }
      }
    }
  }

  for workload in Workload.all where ["4096x4096", "gpt2", "vector-16m"].contains(workload.id) {
    for backend in Backend.available {
      measure("Adafactor in bfloat16, \(backend.rawValue), \(workload.id), 2 threads") {
        try Adafactor(workload.parameters(as: .bfloat16), backend: backend, threads: 2)
      }
    }
  }
}

private func measure(_ name: String, _ setup: @escaping () throws -> Optimizer) {
  Benchmark(name) { benchmark, optimizer in
    for _ in benchmark.scaledIterations { try optimizer.step() }
  } setup: {
    try setup()
  }
}
