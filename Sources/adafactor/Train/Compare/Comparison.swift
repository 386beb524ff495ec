/// What several optimizers came to on the same data, from the same weights, in the same order of samples.
struct Comparison: Encodable {
  struct Run: Encodable {
    /// The optimizer with its settings, as on the command line.
    let name: String
    let result: TrainingResult
  }

  var runs: [Run] = []

  /// The comparison for people.
  var table: String {
    let head = [
      "optimizer", "test accuracy", "training loss", "held-out loss", "optimizer ms/step", "state bytes",
    ]
    let rows = runs.map { run in
      let last = run.result.epochs[run.result.epochs.count - 1]
      return [
        run.name, ReportText.format(100 * run.result.testAccuracy, 1) + " %",
        ReportText.format(last.trainingLoss, 4), ReportText.format(last.testLoss, 4),
        ReportText.format(1e3 * run.result.optimizerSecondsPerStep, 3),
        ReportText.grouped(run.result.stateBytes),
      ]
    }
    return ReportText.columns([head] + rows)
  }

  /// The comparison for programs.
  func json() throws -> String { try ReportText.json(self) }

  /// The held-out loss of each over the epochs.
  var lossChart: LineChart {
    LineChart(
      title: "Held-out loss of \(runs.count) optimizers", xLabel: "epoch", yLabel: "held-out loss",
      hasLogarithmicY: true,
      series: runs.map { run in
        LineChart.Series(
          name: run.name, points: run.result.epochs.map { .init(x: Double($0.epoch), y: $0.testLoss) })
      })
  }
}

/// A run of a comparison that failed, and which.
struct ComparisonError: Error, CustomStringConvertible {
  let name: String
  let cause: any Error

  var description: String { "\(name): \(cause)" }
}
