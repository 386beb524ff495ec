import ArgumentParser
import Foundation
import Schedules

/// The rates of schedules at the same steps, in each format of `adafactor schedule`.
struct ScheduleReport {
  struct Curve {
    let name: String
    let rates: [Double]
  }

  let initialRate: Double
  let curves: [Curve]
  let isLogarithmic: Bool

  /// The rate of each step from 0, of one parameter group.
  ///
  /// A schedule that follows a metric has used s metrics before step s: `steps` − 1 of them are needed.
  static func rates(
    of schedule: AnyLearningRateSchedule, initialRate: Double, steps: Int, metrics: MetricsFile?
  ) throws -> [Double] {
    switch schedule {
    case .byStep(let schedule):
      try schedule.check(initialRate: initialRate)
      return (0..<steps).map { schedule.rate(at: $0, initialRate: initialRate) }
    case .byMetric(var schedule):
      guard let metrics else {
        throw ValidationError(
          "\(type(of: schedule).name) follows a metric: give a file with one number a line by --metrics.")
      }
      guard metrics.values.count >= steps - 1 else {
        throw ScheduleFileError(
          path: metrics.path, line: nil,
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
    case .table: table
    case .csv: csv
    case .json: try json()
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

  private var csv: String {
    ([columnNames] + rows).map { $0.joined(separator: ",") + "\n" }.joined()
  }

  private var table: String {
    let lines = [columnNames] + rows
    let widths = columnNames.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { cells in
      zip(cells, widths).map { String(repeating: " ", count: $1 - $0.count) + $0 }.joined(separator: "  ")
        + "\n"
    }.joined()
  }

  private func json() throws -> String {
    struct Document: Encodable {
      struct Schedule: Encodable {
        let name: String
        let rates: [Double]
      }
      let initialRate: Double
      let schedules: [Schedule]
    }
    let document = Document(
      initialRate: initialRate, schedules: curves.map { .init(name: $0.name, rates: $0.rates) })
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return String(decoding: try encoder.encode(document), as: UTF8.self) + "\n"
  }

  private var chart: LineChart {
    LineChart(
      title: curves.count == 1 ? curves[0].name : nil, xLabel: "step", yLabel: "learning rate",
      hasLogarithmicY: isLogarithmic,
      series: curves.map { curve in
        .init(
          name: curve.name,
          points: curve.rates.enumerated().map { .init(x: Double($0.offset), y: $0.element) })
      })
  }
}
