import Checkpoints
import Foundation
import Optimizers
import Schedules
import Tensors

/// Trains a perceptron on one part of a dataset, and tests it on the rest.
struct TrainingRun {
  let settings: TrainingSettings
  let model: Perceptron
  let training: Dataset
  let test: Dataset
  /// The checksum of the data as it was read.
  let dataChecksum: String
  let data: DataReport
  let description: ClassifierDescription
  let takeStep: OptimizationStep
  let schedule: AnyLearningRateSchedule?
  let scheduler: LearningRateScheduler?
  var journal: TrainingJournal
  let steps: Int
  let stepsPerEpoch: Int

  /// Splits and standardizes the data, and creates the model, its optimizer and its schedule.
  init(_ dataset: Dataset, settings: TrainingSettings) throws {
    guard dataset.count > 1 else { throw TableError(dataset.path, .tooFewRows(dataset.count)) }
    dataChecksum = dataset.checksum
    var generator = SeededGenerator(seed: settings.seed)
    var (training, test) = dataset.split(testFraction: settings.testFraction, using: &generator)
    let settings = settings.limited(to: training.count)
    self.settings = settings
    let standardize = try Standardization(of: training)
    data = DataReport(dataset, standardize)
    training.features = standardize(training.features).converted(to: settings.scalarType)
    let heldOut = standardize(test.features).converted(to: settings.scalarType)
    try test.requireFinite(heldOut)
    test.features = heldOut
    self.training = training
    self.test = test
    let widths = [dataset.features.shape.columns] + settings.hidden + [dataset.classNames.count]
    try settings.requireMemory(widths: widths, testSamples: test.count)
    model = Perceptron(widths: widths, as: settings.scalarType, using: &generator)
    description = ClassifierDescription(
      widths: widths, columns: dataset.columns, standardization: standardize, classes: dataset.classNames)
    journal = TrainingJournal(generator: generator)
    takeStep = try OptimizationStep(model, settings: settings)
    // The last step of an epoch may have fewer samples.
    let stepsPerEpoch = (training.count - 1) / settings.samplesOfStep + 1
    let (optimizer, (steps, overflow)) = (
      takeStep.optimizer, stepsPerEpoch.multipliedReportingOverflow(by: settings.epochs)
    )
    guard !overflow else {
      throw TrainingError.tooManySteps(epochs: settings.epochs, stepsPerEpoch: stepsPerEpoch)
    }
    self.steps = steps
    self.stepsPerEpoch = stepsPerEpoch
    (schedule, scheduler) =
      try settings.schedule.map { choice in
        try choice.namingOptions(trainingSteps: "the number of training steps") {
          let schedule = try choice.schedule(trainingSteps: steps)
          return (schedule, try LearningRateScheduler(optimizer, schedule))
        }
      } ?? (nil, nil)
  }

  /// Trains from the journal's position to the end, and calls `report` after every step and every epoch.
  ///
  /// - Parameters:
  ///   - plan: The plan for saving, or `nil` if nothing is saved.
  ///   - signal: Called after every step. If it returns a signal, the run saves and throws
  ///     ``TrainingInterrupted``.
  mutating func run(
    saving plan: CheckpointPlan? = nil, signal: () -> Int32? = { nil },
    report: (TrainingProgress) -> Void = { _ in }
  ) throws -> TrainingResult {
    try Backend.withDefault(settings.modelBackend) {
      while journal.position.epoch < settings.epochs {
        // Drawn from a copy: until the epoch ends, checkpoints hold the generator from the epoch's start.
        var generator = journal.generator
        let order = (0..<training.count).shuffled(using: &generator)
        var finished: EpochResult?
        while finished == nil {
          let loss = try step(order)
          report(progress(loss: loss))
          if journal.position.example == training.count {
            finished = try finishEpoch(generator)
            report(progress(loss: finished!.trainingLoss, finished: finished))
          }
          try save(plan, endsEpoch: finished != nil, signal: signal())
        }
      }
      return result()
    }
  }

  /// Takes the next step on the samples that follow in `order`, and returns its loss.
  private mutating func step(_ order: [Int]) throws -> Double {
    let window = order.dropFirst(journal.position.example).prefix(settings.samplesOfStep)
    let microBatches = stride(from: window.startIndex, to: window.endIndex, by: settings.batchSize).map {
      training.samples(at: window[$0...].prefix(settings.batchSize))
    }
    let outcome = try takeStep(microBatches)
    guard outcome.loss.isFinite else {
      throw TrainingError.diverged(epoch: journal.position.epoch + 1, optimizer: settings.optimizer.kind)
    }
    // A schedule counts only steps that were taken, as with torch's scaler.
    if let scheduler, !scheduler.followsMetric, outcome.isTaken { scheduler.step() }
    journal.add(outcome, samples: window.count)
    return outcome.loss
  }

  /// Tests the model after the current epoch and starts the next one, which is drawn from `generator`.
  private mutating func finishEpoch(_ generator: SeededGenerator) throws(TrainingError) -> EpochResult {
    let start = ContinuousClock.now
    takeStep.optimizer.eval()
    let (loss, correct) = model.test(test)
    takeStep.optimizer.train()
    let epoch = journal.position.epoch + 1
    guard loss.isFinite else { throw .heldOutLossNotFinite(epoch: epoch) }
    let result = EpochResult(
      epoch: epoch, trainingLoss: journal.lossSum / Double(training.count), testLoss: loss,
      testAccuracy: Double(correct) / Double(test.count))
    if let scheduler, scheduler.followsMetric { scheduler.step(metric: result.trainingLoss) }
    journal.finishEpoch(result, testTime: ContinuousClock.now - start, generator: generator)
    return result
  }

  private func progress(loss: Double, finished: EpochResult? = nil) -> TrainingProgress {
    TrainingProgress(
      stepsDone: journal.position.step, steps: steps,
      epoch: finished?.epoch ?? journal.position.epoch + 1, epochs: settings.epochs, loss: loss,
      elapsed: .seconds(journal.seconds), finished: finished)
  }

  private func result() -> TrainingResult {
    let parameters = model.parameters.reduce(0) { $0 + $1.value.elementCount }
    let taken = Double(journal.position.step)
    let stateBytes = takeStep.optimizer.stateByteCount
    // The result describes the model that was tested.
    takeStep.optimizer.eval()
    return TrainingResult(
      data: data, samples: training.count + test.count, testSamples: test.count,
      classes: training.classNames.count,
      parameters: parameters, epochs: journal.epochs,
      testAccuracy: journal.epochs[journal.epochs.count - 1].testAccuracy, steps: journal.position.step,
      seconds: journal.seconds, gradientSecondsPerStep: journal.gradientSeconds / taken,
      optimizerSecondsPerStep: journal.optimizerSeconds / taken,
      stateBytes: stateBytes,
      // AdamW has two moments per parameter.
      adamwStateBytes: 2 * settings.scalarType.arithmeticType.byteCount * parameters,
      optimizer: settings.optimizer.kind, scalarType: settings.scalarType,
      rounding: settings.scalarType.byteCount == 2 ? settings.optimizer.options.rounding : nil,
      batchSize: settings.batchSize, microBatches: settings.microBatches, clipNorm: settings.clipNorm,
      lossScale: takeStep.scaler.isEnabled ? takeStep.scaler.scale : nil,
      skippedSteps: journal.skippedSteps, backend: settings.modelBackend,
      optimizerBackend: takeStep.optimizer.backend, threads: takeStep.optimizer.threads, seed: settings.seed,
      parametersChecksum: model.checksum)
  }
}

enum TrainingError: Error, Equatable, CustomStringConvertible {
  case diverged(epoch: Int, optimizer: OptimizerKind)
  case heldOutLossNotFinite(epoch: Int)
  case tooManySteps(epochs: Int, stepsPerEpoch: Int)
  case tooLarge(hidden: [Int], parameters: Double)

  var description: String {
    switch self {
    case .diverged(let epoch, let optimizer):
      "The loss of epoch \(epoch) is not finite: the training has diverged. Lower --lr"
        + (optimizer == .adafactor ? ", or remove it to use relative steps." : ".")
    case .heldOutLossNotFinite(let epoch):
      "The loss of the held-out samples after epoch \(epoch) is not finite: they are too far from the "
        + "training samples. Correct or ignore columns with extreme values, or lower --lr."
    case .tooManySteps(let epochs, let stepsPerEpoch):
      "--epochs is \(epochs): with \(stepsPerEpoch.counted("step")) per epoch, there are too many steps to "
        + "count. Lower --epochs."
    case .tooLarge(let hidden, let parameters):
      "--hidden \(LayerWidths(widths: hidden)) makes a model of \(String(format: "%.3g", parameters)) "
        + "parameters, which "
        + "with the memory of a step exceeds \(TrainingSettings.maximumNumbers.grouped) numbers. Choose "
        + "narrower layers, or a smaller --batch-size with --accumulate."
    }
  }
}

extension Duration {
  var seconds: Double { self / .seconds(1) }
}
