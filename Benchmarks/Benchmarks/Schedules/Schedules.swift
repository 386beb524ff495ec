import Benchmark
import Optimizers
import Schedules
import Tensors

// Learning-rate schedules: a rate by name, creating a schedule by name, and a scheduler's step, 1,000 times
// per iteration.
let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(
    metrics: [.wallClock], warmupIterations: 2, scalingFactor: .kilo,
    maxDuration: .milliseconds(500),
    maxIterations: 200)

  for type in SchedulerType.allCases {
    Benchmark("make \(type.rawValue)") { benchmark in
      for _ in benchmark.scaledIterations { blackHole(try type.schedule()) }
    }

    // These two have a rate only after they have seen a metric.
    if type != .reduceOnPlateau && type != .greedy {
      Benchmark("rate of \(type.rawValue)") { (benchmark, schedule: AnyLearningRateSchedule) in
        guard case .byStep(let schedule) = schedule else { return }
        for step in benchmark.scaledIterations { blackHole(schedule.rate(at: step, initialRate: 1e-3)) }
      } setup: {
        try type.schedule()
      }
    }

    Benchmark("scheduler's step with \(type.rawValue)") { (benchmark, scheduler: LearningRateScheduler) in
      for step in benchmark.scaledIterations {
        if scheduler.followsMetric {
          scheduler.step(metric: 1 / Double(step + 1))
        } else {
          scheduler.step()
        }
      }
    } setup: {
      let parameter = Parameter("p", Tensor(zeros: [2, 2]))
      let optimizer = try Adafactor(
        [parameter], options: .init(learningRate: .constant(1e-3), scaleParameter: false))
      return try LearningRateScheduler(optimizer, type.schedule())
    }
  }
}

extension SchedulerType {
  /// Returns this schedule over 1,000 steps, of which 100 are warmup.
  fileprivate func schedule() throws -> AnyLearningRateSchedule {
    var options: [String: ScheduleOption] = [:]
    switch self {
    case .cosineWithMinimum, .cosineWarmupWithMinimum: options["min_lr_rate"] = 0.1
    case .warmupStableDecay: options["num_decay_steps"] = 200
    default: break
    }
    return try AnyLearningRateSchedule(
      named: rawValue, warmupSteps: 100, trainingSteps: 1_000, options: options)
  }
}
