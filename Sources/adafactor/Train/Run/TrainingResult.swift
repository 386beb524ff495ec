import Foundation
import Optimizers
import Tensors

struct TrainingProgress {
  let stepsDone: Int
  let steps: Int
  let epoch: Int
  let epochs: Int
  /// The loss of the last batch, or of the whole epoch if it is finished.
  let loss: Double
  let elapsed: Duration
  /// The epoch that has just ended, or `nil` within an epoch.
  let finished: EpochResult?

  /// The estimated remaining seconds at the pace so far.
  var secondsLeft: Double { elapsed.seconds * (Double(steps - stepsDone) / Double(stepsDone)) }
}

struct EpochResult: Equatable, Codable {
  let epoch: Int
  /// The mean loss over the epoch's samples, each at its own step.
  let trainingLoss: Double
  /// The loss over the held-out samples after the epoch.
  let testLoss: Double
  let testAccuracy: Double
}

struct TrainingResult: RunReport {
  let data: DataReport
  let samples: Int
  let testSamples: Int
  let classes: Int
  let parameters: Int
  let epochs: [EpochResult]
  let testAccuracy: Double
  let steps: Int
  let seconds: Double
  let gradientSecondsPerStep: Double
  let optimizerSecondsPerStep: Double
  let stateBytes: Int
  /// The number of bytes that AdamW's state would take.
  let adamwStateBytes: Int
  let optimizer: OptimizerKind
  let scalarType: ScalarType
  /// The rounding of steps, or `nil` for parameters that are stored as they are computed.
  let rounding: Rounding?
  let batchSize: Int
  let microBatches: Int
  let clipNorm: Double?
  /// The final loss scale, or `nil` without loss scaling.
  let lossScale: Double?
  let skippedSteps: Int
  /// The backend of the model's tensors.
  let backend: Backend
  let optimizerBackend: Backend
  let threads: Int
  let seed: UInt64
  /// The checksum of the bits of all parameters, which is the same for runs with the same steps.
  let parametersChecksum: String

  var table: String {
    let correct = Int((testAccuracy * Double(testSamples)).rounded())
    let accuracy = "\(accuracyText) (\(correct) of \(testSamples) held-out samples, \(classes) classes)"
    let rows =
      [("test accuracy", accuracy)] + data.table + [
        ("time", "\(seconds.fixed(2)) s for \(steps.counted("step")), \(epochText)"),
        ("step", stepText),
        ("gradient", "\((1e3 * gradientSecondsPerStep).fixed(3)) ms per step"),
        (
          "optimizer",
          "\(optimizer.rawValue), \((1e3 * optimizerSecondsPerStep).fixed(3)) ms per step"
        ),
        ("parameters", parametersText),
        ("optimizer state", stateText),
        ("backend", "\(backendText), \(threads.counted("thread"))"),
      ]
    return ReportText.rows(rows)
  }

  private var backendText: String {
    backend == optimizerBackend
      ? backend.rawValue : "\(backend.rawValue) for the model, \(optimizerBackend.rawValue) for the optimizer"
  }

  private var accuracyText: String { "\((100 * testAccuracy).fixed(1)) %" }

  private var epochText: String { epochs.count.counted("epoch") }

  private var stepText: String {
    var parts = [
      (microBatches == 1 ? "" : "\(microBatches) micro-batches of ")
        + batchSize.counted("sample")
    ]
    if let clipNorm { parts.append("clipped to the norm \(clipNorm)") }
    if let lossScale {
      parts.append("loss scale \(lossScale), \(skippedSteps.counted("step")) skipped by it")
    }
    return parts.joined(separator: ", ")
  }

  private var parametersText: String {
    let text = "\(parameters.grouped) of \(scalarType.rawValue)"
    guard let rounding, rounding != .nearest else { return text }
    return text + ", \(rounding.rawValue) rounding"
  }

  private var stateText: String {
    let bytes = "\(stateBytes.grouped) bytes"
    if optimizer == .adamw { return bytes }
    return bytes + "; AdamW would hold \(adamwStateBytes.grouped), "
      + "\((Double(adamwStateBytes) / Double(stateBytes)).fixed(1)) times as much"
  }

  var lossChart: LineChart {
    LineChart(
      title: "Test accuracy \(accuracyText) after \(epochText)", xLabel: "epoch", yLabel: "loss",
      hasLogarithmicY: true,
      series: [
        .init(name: "training", values: epochs.map(\.trainingLoss), from: 1),
        .init(name: "held-out", values: epochs.map(\.testLoss), from: 1),
      ])
  }
}
