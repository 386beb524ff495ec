/// The rates of schedules at the same steps, which `adafactor schedule` writes in each of its formats.
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

  /// Creates the report of the first `steps` steps of these schedules.
  init(_ rates: [ScheduleRates], initialRate: Double, steps: Int, isLogarithmic: Bool) {
    self.initialRate = initialRate
    self.isLogarithmic = isLogarithmic
    curves = rates.map { rates in
      var rates = rates
      return Curve(name: rates.name, rates: (0..<steps).map { _ in rates.next() })
    }
  }

  /// Writes a table as CSV a few thousand rows at a time, so that a long table takes no memory.
  static func writeCSV(
    _ rates: [ScheduleRates], steps: Int, to write: (_ piece: String) throws -> Void
  ) throws {
    var rates = rates
    var piece = columnNames(rates.map(\.name)).joined(separator: ",") + "\n"
    for step in 0..<steps {
      piece += "\(step)"
      for index in rates.indices { piece += ",\(rates[index].next())" }
      piece += "\n"
      if piece.utf8.count >= 1 << 16 {
        try write(piece)
        piece = ""
      }
    }
    try write(piece)
  }

  func text(_ format: ScheduleFormat) throws -> String {
    switch format {
    case .table: ReportText.columns([Self.columnNames(curves.map(\.name))] + rows, leftAligned: 0)
    case .csv: fatalError("CSV is written row by row")
    case .json: try ReportText.json(self, keys: .useDefaultKeys)
    case .svg: chart.svg()
    case .plot: chart.terminal(Terminal.style)
    }
  }

  /// Returns `step,lr` for one schedule, or `step` and the names for several.
  private static func columnNames(_ names: [String]) -> [String] {
    ["step"] + (names.count == 1 ? ["lr"] : names)
  }

  private var rows: [[String]] {
    curves[0].rates.indices.map { step in ["\(step)"] + curves.map { "\($0.rates[step])" } }
  }

  private var chart: LineChart {
    LineChart(
      title: curves.count == 1 ? curves[0].name : "Learning rates of \(curves.count) schedules",
      xLabel: "step", yLabel: "learning rate",
      hasLogarithmicY: isLogarithmic,
      series: curves.map { .init(name: $0.name, values: $0.rates, from: 0) })
  }
}
