import ArgumentParser
import Schedules

/// The rates of one schedule of one parameter group, step after step from step 0.
struct ScheduleRates {
  let name: String
  private var schedule: AnyLearningRateSchedule
  private let initialRate: Double
  private let metrics: MetricsFile?
  private var step = 0

  /// - Throws: Whatever a rate of the first `steps` steps would throw, so that ``next()`` does not.
  init(
    _ name: String, of schedule: AnyLearningRateSchedule, initialRate: Double, steps: Int,
    metrics: MetricsFile?
  ) throws {
    self.name = name
    self.initialRate = initialRate
    self.metrics = metrics
    switch schedule {
    case .byStep(let byStep):
      self.schedule = schedule
      try byStep.check(initialRate: initialRate)
      for step in 0..<steps where !byStep.rate(at: step, initialRate: initialRate).isFinite {
        throw ScheduleError.infiniteRate(schedule: type(of: byStep).name, step: step)
      }
    case .byMetric(var byMetric):
      guard let metrics else {
        throw ValidationError(
          "\(type(of: byMetric).name) follows a metric: give a file with one number a line by --metrics.")
      }
      // A schedule that follows a metric has used s metrics before step s.
      guard metrics.values.count >= steps - 1 else {
        throw ToolFileError(
          path: metrics.path,
          problem: "has \(metrics.values.count) numbers, but \(steps) steps need \(steps - 1) at least")
      }
      try byMetric.start(rates: [initialRate])
      self.schedule = .byMetric(byMetric)
    }
  }

  /// The rate of the next step.
  mutating func next() -> Double {
    defer { step += 1 }
    switch schedule {
    case .byStep(let schedule): return schedule.rate(at: step, initialRate: initialRate)
    case .byMetric(var byMetric):
      if step > 0, let metrics { byMetric.observe(metrics.values[step - 1]) }
      schedule = .byMetric(byMetric)
      return byMetric.rates[0]
    }
  }
}
