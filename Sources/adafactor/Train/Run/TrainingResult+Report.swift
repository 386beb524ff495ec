import Foundation

extension TrainingResult {
  /// The result for people.
  var table: String {
    let correct = Int((testAccuracy * Double(testSamples)).rounded())
    let rows = [
      (
        "test accuracy",
        "\(format(100 * testAccuracy, 1)) % (\(correct) of \(testSamples) held-out samples, \(classes) classes)"
      ),
      ("time", "\(format(seconds, 2)) s for \(counted(steps, "step")), \(counted(epochs.count, "epoch"))"),
      ("gradient", "\(format(1e3 * gradientSecondsPerStep, 3)) ms a step"),
      ("optimizer", "\(format(1e3 * optimizerSecondsPerStep, 3)) ms a step"),
      ("parameters", grouped(parameters)),
      (
        "optimizer state",
        "\(grouped(stateBytes)) bytes; AdamW would hold \(grouped(adamwStateBytes)), "
          + "\(format(Double(adamwStateBytes) / Double(stateBytes), 1)) times as much"
      ),
      ("kernels", "\(kernels.rawValue), \(counted(threads, "thread"))"),
    ]
    let width = rows.map(\.0.count).max() ?? 0
    return rows.map { $0.0.padding(toLength: width + 2, withPad: " ", startingAt: 0) + $0.1 + "\n" }.joined()
  }

  /// The result for programs.
  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }

  /// Both losses over the epochs.
  var lossChart: LineChart {
    LineChart(
      title: "Test accuracy \(format(100 * testAccuracy, 1)) % after \(counted(epochs.count, "epoch"))",
      xLabel: "epoch", yLabel: "loss", hasLogarithmicY: true,
      series: [
        LineChart.Series(
          name: "training", points: epochs.map { .init(x: Double($0.epoch), y: $0.trainingLoss) }),
        LineChart.Series(name: "held-out", points: epochs.map { .init(x: Double($0.epoch), y: $0.testLoss) }),
      ])
  }

  private func format(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

  private func counted(_ count: Int, _ noun: String) -> String {
    "\(grouped(count)) \(noun)\(count == 1 ? "" : "s")"
  }

  /// Digits in groups of three.
  private func grouped(_ number: Int) -> String {
    let digits = Array(String(number))
    return digits.enumerated().reduce(into: "") { text, digit in
      if digit.offset > 0, (digits.count - digit.offset) % 3 == 0 { text.append(",") }
      text.append(digit.element)
    }
  }
}
