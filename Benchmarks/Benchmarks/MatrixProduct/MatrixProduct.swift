import Benchmark
import Tensors
import Workloads

// The product of two square matrices on each backend. OpenBLAS uses its process-wide number of threads; pure
// Swift uses one thread.
let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(
    metrics: [.wallClock], warmupIterations: 2, maxDuration: .seconds(1), maxIterations: 200)

  for side in [64, 256, 1024] {
    for backend in Backend.available {
      measure("A B, \(backend.rawValue), \(side)", side, backend) { a, b in a.matmul(b) }
      measure("A B', \(backend.rawValue), \(side)", side, backend) { a, b in
        a.matmul(b, otherTransposed: true)
      }
      measure("A' B, \(backend.rawValue), \(side)", side, backend) { a, b in
        a.matmul(b, transposed: true)
      }
    }
  }
}

private func measure(
  _ name: String, _ side: Int, _ backend: Backend,
  _ product: @escaping @Sendable (Tensor, Tensor) -> Tensor
) {
  func matrix(_ stream: Int) -> Tensor {
    Tensor(Noise.values(side * side, stream: stream), shape: [side, side])
  }
  Benchmark(name) { (benchmark, factors: (a: Tensor, b: Tensor)) in
    Backend.withDefault(backend) {
      for _ in benchmark.scaledIterations { blackHole(product(factors.a, factors.b)) }
    }
  } setup: {
    (a: matrix(0), b: matrix(1))
  }
}
