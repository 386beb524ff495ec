import Optimizers
import Tensors

/// One optimizer step from the micro-batches of a window.
///
///     accumulate → unscale → clip → step → update the loss scale
///
/// In this order, clipping measures the gradient of the whole window without its loss scale.
struct OptimizationStep {
  let model: Perceptron
  let optimizer: Optimizer
  /// The accumulator, or `nil` if a step has one micro-batch, whose gradient needs no sum.
  private let accumulator: GradientAccumulator?
  /// The loss scaler. It is enabled only for Float16, whose smallest gradients vanish without it.
  let scaler: LossScaler
  private let settings: TrainingSettings

  init(_ model: Perceptron, settings: TrainingSettings) throws {
    self.model = model
    optimizer = try settings.optimizer.make(
      model.parameters, outputLayer: model.outputLayer, backend: settings.backend, threads: settings.threads)
    accumulator =
      settings.microBatches > 1
      ? GradientAccumulator(model.parameters, backend: settings.modelBackend, threads: settings.threads) : nil
    scaler = try LossScaler(
      isEnabled: settings.scalarType == .float16, backend: settings.modelBackend, threads: settings.threads)
    self.settings = settings
  }

  struct Outcome {
    /// The mean loss over the window's samples.
    let loss: Double
    /// Whether the step was taken. It is skipped if the loss scale was too large.
    let isTaken: Bool
    let gradientTime: Duration
    let optimizerTime: Duration
  }

  /// Takes a step on these micro-batches. Each micro-batch counts by its number of samples, so that a short
  /// one at the end of the data does not count too much.
  func callAsFunction(_ microBatches: [Dataset]) throws -> Outcome {
    let start = ContinuousClock.now
    var lossSum = 0.0
    for batch in microBatches {
      let loss = model.setGradients(batch.features, labels: batch.labels, lossScale: scaler.scale)
      try accumulator?.add(weight: Double(batch.count))
      lossSum += loss * Double(batch.count)
    }
    let loss = lossSum / Double(microBatches.reduce(0) { $0 + $1.count })
    let middle = ContinuousClock.now
    let isTaken = loss.isFinite ? try update() : false
    return Outcome(
      loss: loss, isTaken: isTaken, gradientTime: middle - start,
      optimizerTime: ContinuousClock.now - middle)
  }

  private func update() throws -> Bool {
    let parameters = model.parameters
    try accumulator?.apply()
    if let clipNorm = settings.clipNorm {
      try scaler.unscale(parameters)
      try parameters.clipGradientNorm(
        maxNorm: clipNorm, backend: settings.modelBackend, threads: settings.threads)
    }
    let report = try scaler.step(optimizer)
    try scaler.update()
    accumulator?.reset()
    return report != nil
  }
}
