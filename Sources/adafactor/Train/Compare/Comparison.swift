/// The results of several optimizers on the same data, with the same initial weights and order of samples.
struct Comparison: RunReport {
  struct Run: Encodable {
    /// The optimizer with its settings, as on the command line.
    let name: String
    let result: TrainingResult
  }

  let runs: [Run]

  /// The data, which all runs share.
  private var data: [(String, String)] { runs[0].result.data.table }

  var table: String {
    let head = [
      "optimizer", "test accuracy", "training loss", "held-out loss", "optimizer ms/step", "state bytes",
    ]
    let rows = runs.map { run in
      let last = run.result.epochs[run.result.epochs.count - 1]
      return [
        run.name, (100 * run.result.testAccuracy).fixed(1) + " %",
        last.trainingLoss.fixed(4), last.testLoss.fixed(4),
        (1e3 * run.result.optimizerSecondsPerStep).fixed(3),
        run.result.stateBytes.grouped,
      ]
    }
    return ReportText.rows(data) + "\n" + ReportText.columns([head] + rows, leftAligned: 1)
  }

  var lossChart: LineChart {
    LineChart(
      title: "Held-out loss of \(runs.count) optimizers", xLabel: "epoch", yLabel: "held-out loss",
      hasLogarithmicY: true,
      series: runs.map { .init(name: $0.name, values: $0.result.epochs.map(\.testLoss), from: 1) })
  }
}

/// The error of a failed run in a comparison, with the run's name.
struct ComparisonError: Error, CustomStringConvertible {
  let name: String
  let cause: any Error

  var description: String { "\(name): \(cause)" }
}
