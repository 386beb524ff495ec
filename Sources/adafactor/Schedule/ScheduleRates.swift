import ArgumentParser
import Schedules

/// The rates of one schedule for one parameter group, from step 0.
struct ScheduleRates {
  let name: String
  private var schedule: AnyLearningRateSchedule
  private let initialRate: Double
  private let metrics: MetricsFile?
  private var step = 0

  /// - Throws: Any error that a rate of the first `steps` steps would throw, so that ``next()`` does not
  ///   throw.
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
          "\(type(of: byMetric).name) follows a metric: give a file with one number per line with --metrics.")
      }
      // A schedule that follows a metric has seen s metrics before step s.
      guard metrics.values.count >= steps - 1 else {
        throw ToolFileError(
          path: metrics.path,
          problem: "has \(metrics.values.count) numbers, but \(steps) steps need at least \(steps - 1)")
      }
      try byMetric.start(rates: [initialRate])
      self.schedule = .byMetric(byMetric)
    }
  }

  /// Returns the rate of the next step.
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
