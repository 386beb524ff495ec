import Foundation

extension TrainingResult {
  /// The result for people.
  var table: String {
    let correct = Int((testAccuracy * Double(testSamples)).rounded())
    let rows = [
      (
        "test accuracy",
        "\(accuracyText) (\(correct) of \(testSamples) held-out samples, \(classes) classes)"
      ),
      (
        "time",
        "\(ReportText.format(seconds, 2)) s for \(ReportText.counted(steps, "step")), \(epochText)"
      ),
      ("step", stepText),
      ("gradient", "\(ReportText.format(1e3 * gradientSecondsPerStep, 3)) ms a step"),
      (
        "optimizer", "\(optimizer.rawValue), \(ReportText.format(1e3 * optimizerSecondsPerStep, 3)) ms a step"
      ),
      ("parameters", parametersText),
      ("optimizer state", stateText),
      ("backend", "\(backend.rawValue), \(ReportText.counted(threads, "thread"))"),
    ]
    let width = rows.map(\.0.count).max() ?? 0
    return rows.map { $0.0.padding(toLength: width + 2, withPad: " ", startingAt: 0) + $0.1 + "\n" }.joined()
  }

  private var accuracyText: String { "\(ReportText.format(100 * testAccuracy, 1)) %" }

  private var epochText: String { ReportText.counted(epochs.count, "epoch") }

  /// What a step is made of.
  private var stepText: String {
    var parts = [
      (microBatches == 1 ? "" : "\(microBatches) micro-batches of ")
        + ReportText.counted(batchSize, "sample")
    ]
    if let clipNorm { parts.append("clipped to the norm \(clipNorm)") }
    if let lossScale {
      parts.append("loss scale \(lossScale), \(ReportText.counted(skippedSteps, "step")) left out for it")
    }
    return parts.joined(separator: ", ")
  }

  private var parametersText: String {
    let text = "\(ReportText.grouped(parameters)) of \(scalarType.rawValue)"
    guard let rounding, rounding != .nearest else { return text }
    return text + ", \(rounding.rawValue) rounding"
  }

  private var stateText: String {
    let bytes = "\(ReportText.grouped(stateBytes)) bytes"
    if optimizer == .adamw { return bytes }
    return bytes + "; AdamW would hold \(ReportText.grouped(adamwStateBytes)), "
      + "\(ReportText.format(Double(adamwStateBytes) / Double(stateBytes), 1)) times as much"
  }

  /// The result for programs.
  func json() throws -> String { try ReportText.json(self) }

  /// Both losses over the epochs.
  var lossChart: LineChart {
    LineChart(
      title: "Test accuracy \(accuracyText) after \(epochText)", xLabel: "epoch", yLabel: "loss",
      hasLogarithmicY: true,
      series: [
        LineChart.Series(
          name: "training", points: epochs.map { .init(x: Double($0.epoch), y: $0.trainingLoss) }),
        LineChart.Series(name: "held-out", points: epochs.map { .init(x: Double($0.epoch), y: $0.testLoss) }),
      ])
  }
}
