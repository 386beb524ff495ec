import Benchmark
import Optimizers
import Tensors
import Workloads

// The parts of a step on one thread, on each backend. The statistics are a step that ends early: one element
// of the gradient is NaN, so the parameter is skipped. The additional time of a whole step is the update.
let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(
    metrics: [.wallClock], warmupIterations: 2, maxDuration: .seconds(1), maxIterations: 200)

  let shapes: [(name: String, shape: Shape)] = [
    ("rows 512x512", [512, 512]), ("rows 4096x4096", [4096, 4096]), ("panels 8x512k", [8, 512 << 10]),
    ("small matrices 262144x3x3", [512, 512, 3, 3]), ("elements 4m", [4 << 20]),
  ]
  for (name, shape) in shapes {
    let workload = Workload(name, name: name, shapes: [shape])
    for backend in Backend.available {
      Benchmark("statistics, \(backend.rawValue), \(name)") { (benchmark, optimizer: Adafactor) in
        for _ in benchmark.scaledIterations { try optimizer.step() }
      } setup: {
        let parameters = workload.parameters()
        parameters[0].gradient = workload.gradientWithNaN()
        return try Adafactor(
          parameters, nonFinitePolicy: .skipParameter, backend: backend, threads: 1)
      }
      Benchmark("statistics and update, \(backend.rawValue), \(name)") { benchmark, optimizer in
        for _ in benchmark.scaledIterations { try optimizer.step() }
      } setup: {
        try Adafactor(workload.parameters(), backend: backend, threads: 1)
      }
    }
  }

  let sums: [(name: String, of: @Sendable (Tensor) -> Tensor)] = [
    ("row sums", { $0.sum(axis: -1) }), ("column sums", { $0.sum(axis: -2) }),
    ("row sums of squares", { $0.sumOfSquares(axis: -1) }),
    ("column sums of squares", { $0.sumOfSquares(axis: -2) }),
  ]
  for (name, sum) in sums {
    for backend in Backend.available {
      for side in [512, 4096] {
        Benchmark("\(name), \(backend.rawValue), \(side)x\(side)") { benchmark, matrix in
          Backend.withDefault(backend) {
            for _ in benchmark.scaledIterations { blackHole(sum(matrix)) }
          }
        } setup: {
          Tensor(Noise.values(side * side, stream: 0), shape: [side, side])
        }
      }
    }
  }
}

extension Workload {
  /// Returns the gradient of the first parameter, with a NaN as its last element.
  fileprivate func gradientWithNaN() -> Tensor {
    var values = Noise.values(shapes[0].elementCount, stream: 1)
    values[values.count - 1] = .nan
    return Tensor(values, shape: shapes[0])
  }
}
