import Optimizers
import Tensors

/// Where a run is.
struct TrainingProgress {
  let stepsDone: Int
  let steps: Int
  let epoch: Int
  let epochs: Int
  /// Of the last batch, or of the whole epoch where it is finished.
  let loss: Double
  let elapsed: Duration
  /// The epoch that has just ended, nil within one.
  let finished: EpochResult?

  /// What is left at the pace so far.
  var timeLeft: Duration { elapsed * (Double(steps - stepsDone) / Double(stepsDone)) }
}

/// What an epoch came to.
struct EpochResult: Equatable, Codable {
  let epoch: Int
  /// The mean over the epoch's samples, each at its own step.
  let trainingLoss: Double
  /// After the epoch, over the held-out samples.
  let testLoss: Double
  let testAccuracy: Double
}

/// What a run came to.
struct TrainingResult: Encodable {
  let samples: Int
  let testSamples: Int
  let classes: Int
  let parameters: Int
  let epochs: [EpochResult]
  /// After the last epoch.
  let testAccuracy: Double
  let steps: Int
  let seconds: Double
  let gradientSecondsPerStep: Double
  let optimizerSecondsPerStep: Double
  let stateBytes: Int
  /// What AdamW keeps in its place.
  let adamwStateBytes: Int
  let optimizer: OptimizerKind
  let scalarType: ScalarType
  /// How steps rounded; nil for parameters that are stored as they are computed.
  let rounding: Rounding?
  let batchSize: Int
  let microBatches: Int
  let clipNorm: Double?
  /// Where loss scaling ended; nil without.
  let lossScale: Double?
  /// Steps that a loss scale left out.
  let skippedSteps: Int
  let backend: Backend
  let threads: Int
  let seed: UInt64
  /// Of the bits of all parameters: the same for runs that went the same way.
  let parametersChecksum: String
}
