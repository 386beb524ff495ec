import Optimizers
import Tensors

/// One optimizer step from the micro-batches of a window.
///
///     accumulate → un-scale → clip → step → update the loss scale
///
/// The order is what makes clipping measure the gradient of the whole window, without its loss scale.
struct OptimizationStep {
  let model: Perceptron
  let optimizer: Optimizer
  /// Nil where a step has one micro-batch, whose gradient needs no sum.
  private let accumulator: GradientAccumulator?
  /// Of Float16 alone, whose smallest gradients vanish without it.
  let scaler: LossScaler
  private let settings: TrainingSettings

  init(_ model: Perceptron, settings: TrainingSettings) throws {
    self.model = model
    optimizer = try settings.optimizer.make(
      model.parameters, outputLayer: model.outputLayer, backend: settings.backend, threads: settings.threads)
    accumulator =
      settings.microBatches > 1
      ? GradientAccumulator(model.parameters, backend: settings.backend, threads: settings.threads) : nil
    scaler = try LossScaler(
      isEnabled: settings.scalarType == .float16, backend: settings.backend, threads: settings.threads)
    self.settings = settings
  }

  struct Outcome {
    /// The mean over the window's samples.
    let loss: Double
    /// False where the loss scale was too large, and the step was left out.
    let isTaken: Bool
    let gradientTime: Duration
    let optimizerTime: Duration
  }

  /// Steps on these micro-batches. Each counts by its samples, so that a short one at the end of the data
  /// does not count too much.
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
        maxNorm: clipNorm, backend: settings.backend, threads: settings.threads)
    }
    let report = try scaler.step(optimizer)
    try scaler.update()
    accumulator?.reset()
    return report != nil
  }
}
