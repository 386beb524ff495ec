import ArgumentParser
import Schedules

/// The rates of schedules at the same steps, in each format of `adafactor schedule`.
struct ScheduleReport: Encodable {
  struct Curve: Encodable {
    let name: String
    let rates: [Double]
  }

  let initialRate: Double
  let curves: [Curve]
  let isLogarithmic: Bool

  private enum CodingKeys: String, CodingKey {
    case initialRate
    case curves = "schedules"
  }

  /// The rate of each step from 0, of one parameter group.
  ///
  /// A schedule that follows a metric has used s metrics before step s: `steps` − 1 of them are needed.
  static func rates(
    of schedule: AnyLearningRateSchedule, initialRate: Double, steps: Int, metrics: MetricsFile?
  ) throws -> [Double] {
    switch schedule {
    case .byStep(let schedule):
      try schedule.check(initialRate: initialRate)
      return try (0..<steps).map { step in
        let rate = schedule.rate(at: step, initialRate: initialRate)
        guard rate.isFinite else {
          throw ScheduleError.infiniteRate(schedule: type(of: schedule).name, step: step)
        }
        return rate
      }
    case .byMetric(var schedule):
      guard let metrics else {
        throw ValidationError(
          "\(type(of: schedule).name) follows a metric: give a file with one number a line by --metrics.")
      }
      guard metrics.values.count >= steps - 1 else {
        throw ToolFileError(
          path: metrics.path,
          problem: "has \(metrics.values.count) numbers, but \(steps) steps need \(steps - 1) at least")
      }
      try schedule.start(rates: [initialRate])
      return (0..<steps).map { step in
        if step > 0 { schedule.observe(metrics.values[step - 1]) }
        return schedule.rates[0]
      }
    }
  }

  func text(_ format: ScheduleFormat) throws -> String {
    switch format {
    case .table: ReportText.columns([columnNames] + rows, leftAligned: 0)
    case .csv: ([columnNames] + rows).map { $0.joined(separator: ",") + "\n" }.joined()
    case .json: try ReportText.json(self, keys: .useDefaultKeys)
    case .svg: chart.svg()
    case .plot: chart.terminal(Terminal.style)
    }
  }

  /// `step,lr` for one schedule, `step` and the names for several.
  private var columnNames: [String] {
    ["step"] + (curves.count == 1 ? ["lr"] : curves.map(\.name))
  }

  private var rows: [[String]] {
    curves[0].rates.indices.map { step in ["\(step)"] + curves.map { "\($0.rates[step])" } }
  }

  private var chart: LineChart {
    LineChart(
      title: curves.count == 1 ? curves[0].name : nil, xLabel: "step", yLabel: "learning rate",
      hasLogarithmicY: isLogarithmic,
      series: curves.map { .init(name: $0.name, values: $0.rates, from: 0) })
  }
}
