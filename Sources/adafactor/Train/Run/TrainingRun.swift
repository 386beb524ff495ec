import Optimizers
import Schedules
import Tensors

/// Trains a perceptron on a part of a dataset, and tests it on the rest.
struct TrainingRun {
  let settings: TrainingSettings
  let model: Perceptron
  private let training: Dataset
  private let test: Dataset
  private let optimizer: Adafactor
  private let scheduler: LearningRateScheduler?
  private var generator: SeededGenerator
  /// The last one of an epoch may see fewer samples.
  private let stepsPerEpoch: Int

  /// Splits and standardizes the data, and makes the model, its optimizer and its schedule.
  init(_ dataset: Dataset, path: String, settings: TrainingSettings) throws {
    guard dataset.count > 1 else { throw TableError(path, .tooFewRows(dataset.count)) }
    self.settings = settings
    generator = SeededGenerator(seed: settings.seed)
    var (training, test) = dataset.split(testFraction: settings.testFraction, using: &generator)
    let standardize = Standardization(of: training.features)
    training.features = standardize(training.features)
    test.features = standardize(test.features)
    self.training = training
    self.test = test
    model = Perceptron(
      widths: [dataset.features.shape.columns] + settings.hidden + [dataset.classNames.count],
      using: &generator)
    optimizer = try Adafactor(
      model.parameters, options: settings.optimizer, kernels: settings.kernels, threads: settings.threads)
    stepsPerEpoch = (training.count + settings.batchSize - 1) / settings.batchSize
    if let schedule = settings.schedule {
      let policy = try schedule.policy(trainingSteps: stepsPerEpoch * settings.epochs)
      scheduler = try LearningRateScheduler(optimizer, policy: policy)
    } else {
      scheduler = nil
    }
  }

  /// Trains; `report` hears of every step and every epoch.
  mutating func run(_ report: (TrainingProgress) -> Void = { _ in }) throws -> TrainingResult {
    try KernelPathKind.$current.withValue(settings.kernels) { try train(report) }
  }

  private mutating func train(_ report: (TrainingProgress) -> Void) throws -> TrainingResult {
    let clock = ContinuousClock()
    let start = clock.now
    var (gradientTime, optimizerTime) = (Duration.zero, Duration.zero)
    var epochs: [EpochResult] = []
    var stepsDone = 0
    let steps = stepsPerEpoch * settings.epochs
    for epoch in 1...settings.epochs {
      let order = (0..<training.count).shuffled(using: &generator)
      var lossSum = 0.0
      for first in stride(from: 0, to: training.count, by: settings.batchSize) {
        let batch = training.samples(at: order[first..<min(first + settings.batchSize, training.count)])
        var loss = 0.0
        gradientTime += clock.measure { loss = model.setGradients(batch.features, labels: batch.labels) }
        guard loss.isFinite else { throw TrainingError.diverged(epoch: epoch) }
        let began = clock.now
        try optimizer.step()
        optimizerTime += began.duration(to: clock.now)
        if let scheduler, !scheduler.followsMetric { scheduler.step() }
        lossSum += loss * Double(batch.count)
        stepsDone += 1
        report(
          TrainingProgress(
            stepsDone: stepsDone, steps: steps, epoch: epoch, epochs: settings.epochs, loss: loss,
            elapsed: start.duration(to: clock.now), finished: nil))
      }
      let result = epochResult(epoch, trainingLoss: lossSum / Double(training.count))
      epochs.append(result)
      if let scheduler, scheduler.followsMetric { scheduler.step(metric: result.trainingLoss) }
      report(
        TrainingProgress(
          stepsDone: stepsDone, steps: steps, epoch: epoch, epochs: settings.epochs,
          loss: result.trainingLoss,
          elapsed: start.duration(to: clock.now), finished: result))
    }
    let parameters = model.parameters.reduce(0) { $0 + $1.value.elementCount }
    return TrainingResult(
      samples: training.count + test.count, testSamples: test.count, classes: training.classNames.count,
      parameters: parameters,
      epochs: epochs, testAccuracy: epochs[epochs.count - 1].testAccuracy, steps: stepsDone,
      seconds: start.duration(to: clock.now).seconds,
      gradientSecondsPerStep: gradientTime.seconds / Double(stepsDone),
      optimizerSecondsPerStep: optimizerTime.seconds / Double(stepsDone),
      stateBytes: optimizer.stateByteCount,
      // Two moments a parameter.
      adamwStateBytes: 2 * ScalarType.float32.byteCount * parameters, kernels: settings.kernels,
      threads: optimizer.threads,
      seed: settings.seed)
  }

  private func epochResult(_ epoch: Int, trainingLoss: Double) -> EpochResult {
    let logits = model.logits(test.features)
    let correct = zip(logits.rowArgmax(), test.labels).count { $0 == $1 }
    return EpochResult(
      epoch: epoch, trainingLoss: trainingLoss, testLoss: crossEntropy(logits, labels: test.labels),
      testAccuracy: Double(correct) / Double(test.count))
  }
}

/// Why a run stops before its end.
enum TrainingError: Error, Equatable, CustomStringConvertible {
  case diverged(epoch: Int)

  var description: String {
    switch self {
    case .diverged(let epoch):
      "The loss of epoch \(epoch) is not finite: the training has diverged. Lower --lr, or leave it out for relative steps."
    }
  }
}

extension Duration {
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
