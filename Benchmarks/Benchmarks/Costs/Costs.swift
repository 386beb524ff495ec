import Benchmark
import Foundation
import Optimizers
import Tensors
import Workloads

// Limits on the cost of a step, in numbers that are meaningful on any machine: `scripts/benchmark --check`
// compares them with the thresholds. Instructions and allocations would be better measures, but virtual
// machines seldom give access to the processor's counters, and counting allocations needs a preloaded library
// on Linux.
let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(
    metrics: [.percentOfTraffic, .pageFaults, .stateBytes], warmupIterations: 0, maxDuration: .seconds(60),
    maxIterations: 1,
    thresholds: [
      // Twice the time is a mistake on any machine. A smaller difference may be the machine's.
      .percentOfTraffic: .init(relative: [.p90: 100]),
      // Occasionally, the system moves a page. A buffer as large as the gradient would take hundreds of
      // pages.
      .pageFaults: .init(absolute: [.p90: 32]),
      .stateBytes: .init(absolute: [.p90: 0]),
    ])

  let ids = [
    "4096x4096", "resnet-50", "vector-16m", "1000x64x64", "10000x16", "256x256", "1x4m", "8x512k", "lora",
  ]
  for workload in Workload.all where ids.contains(workload.id) {
    for backend in Backend.available {
      // The name has no spaces, because the file of thresholds is written without them but looked up with
      // them.
      Benchmark("\(workload.id)-\(backend.rawValue)") { benchmark, costs in
        benchmark.measurement(.percentOfTraffic, try costs.percentOfTraffic())
        benchmark.measurement(.pageFaults, try costs.pageFaults())
        benchmark.measurement(.stateBytes, costs.optimizer.stateByteCount)
      } setup: {
        try Costs(workload, backend)
      }
    }
  }
}

extension BenchmarkMetric {
  /// The time of a step on one thread, in percent of the time of its memory traffic.
  fileprivate static var percentOfTraffic: Self { .custom("percentOfTraffic", useScalingFactor: false) }
  /// The number of pages that a step takes from the system.
  fileprivate static var pageFaults: Self { .custom("pageFaults", useScalingFactor: false) }
  /// The number of bytes of the optimizer's state.
  fileprivate static var stateBytes: Self { .custom("stateBytes", useScalingFactor: false) }
}

/// An optimizer and the minimum memory traffic of its step.
private struct Costs {
  let optimizer: Adafactor
  private let traffic: MemoryTraffic

  /// The number of measurements. The fastest one counts, because other programs slow the others down.
  private static let repetitions = 40
  /// The minimum duration of the steps in a measurement, for the clock's resolution.
  private static let leastDuration = Duration.milliseconds(2)

  init(_ workload: Workload, _ backend: Backend) throws {
    optimizer = try Adafactor(workload.parameters(), backend: backend, threads: 1)
    traffic = MemoryTraffic(.adafactor, shapes: workload.shapes, threads: 1)
    // The first step creates the state.
    for _ in 0..<2 { try optimizer.step() }
  }

  func percentOfTraffic() throws -> Int {
    let steps = Int(Self.leastDuration / (try Self.duration(1) { try optimizer.step() })) + 1
    var (step, move) = (Duration.seconds(1_000), Duration.seconds(1_000))
    for _ in 0..<Self.repetitions {
      step = min(step, try Self.duration(steps) { try optimizer.step() })
      move = min(move, Self.duration(steps) { traffic.move() })
    }
    return Int((100 * (step / move)).rounded())
  }

  func pageFaults() throws -> Int {
    let before = Self.minorFaults()
    let steps = 4
    for _ in 0..<steps { try optimizer.step() }
    return (Self.minorFaults() - before) / steps
  }

  private static func duration(_ count: Int, _ body: () throws -> Void) rethrows -> Duration {
    try ContinuousClock().measure { for _ in 0..<count { try body() } }
  }

  private static func minorFaults() -> Int {
    var usage = rusage()
    // RUSAGE_SELF, which Swift imports as an enumeration on Linux and as a number on a Mac.
    getrusage(0, &usage)
    return usage.ru_minflt
  }
}
