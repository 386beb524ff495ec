import Checkpoints
import Optimizers
import Schedules
import Tensors

/// Trains a perceptron on a part of a dataset, and tests it on the rest.
struct TrainingRun {
  let settings: TrainingSettings
  let model: Perceptron
  let training: Dataset
  let test: Dataset
  /// Of the data as it was read.
  let dataChecksum: String
  let takeStep: OptimizationStep
  let scheduler: LearningRateScheduler?
  var journal: TrainingJournal
  let steps: Int

  /// Splits and standardizes the data, and makes the model, its optimizer and its schedule.
  init(_ dataset: Dataset, path: String, settings: TrainingSettings) throws {
    guard dataset.count > 1 else { throw TableError(path, .tooFewRows(dataset.count)) }
    self.settings = settings
    dataChecksum = dataset.checksum
    var generator = SeededGenerator(seed: settings.seed)
    var (training, test) = dataset.split(testFraction: settings.testFraction, using: &generator)
    let standardize = Standardization(of: training.features)
    training.features = standardize(training.features).converted(to: settings.scalarType)
    test.features = standardize(test.features).converted(to: settings.scalarType)
    self.training = training
    self.test = test
    model = Perceptron(
      widths: [dataset.features.shape.columns] + settings.hidden + [dataset.classNames.count],
      as: settings.scalarType, using: &generator)
    journal = TrainingJournal(generator: generator)
    takeStep = try OptimizationStep(model, settings: settings)
    // The last step of an epoch may see fewer samples.
    let stepsPerEpoch = (training.count - 1) / settings.samplesOfStep + 1
    let (optimizer, steps) = (takeStep.optimizer, stepsPerEpoch * settings.epochs)
    self.steps = steps
    scheduler = try settings.schedule.map { schedule in
      try LearningRateScheduler(optimizer, schedule.schedule(trainingSteps: steps))
    }
  }

  /// Trains from where the journal is to the end; `report` hears of every step and every epoch.
  ///
  /// - Parameters:
  ///   - plan: Where the run saves itself; nil for nowhere.
  ///   - isInterrupted: Asked after every step. Where it says so, the run saves and throws
  ///     ``TrainingInterrupted``.
  mutating func run(
    saving plan: CheckpointPlan? = nil, isInterrupted: () -> Bool = { false },
    report: (TrainingProgress) -> Void = { _ in }
  ) throws -> TrainingResult {
    try Backend.withDefault(settings.backend) {
      while journal.position.epoch < settings.epochs {
        // Drawn from a copy: until the epoch ends, checkpoints hold what it began with.
        var generator = journal.generator
        let order = (0..<training.count).shuffled(using: &generator)
        var finished: EpochResult?
        while finished == nil {
          let loss = try step(order)
          report(progress(loss: loss))
          if journal.position.example == training.count {
            finished = finishEpoch(generator)
            report(progress(loss: finished!.trainingLoss, finished: finished))
          }
          try save(plan, endsEpoch: finished != nil, isInterrupted: isInterrupted())
        }
      }
      return result()
    }
  }

  /// Takes the next step, on the samples that follow in `order`; returns its loss.
  private mutating func step(_ order: [Int]) throws -> Double {
    let window = order.dropFirst(journal.position.example).prefix(settings.samplesOfStep)
    let microBatches = stride(from: window.startIndex, to: window.endIndex, by: settings.batchSize).map {
      training.samples(at: window[$0...].prefix(settings.batchSize))
    }
    let outcome = try takeStep(microBatches)
    guard outcome.loss.isFinite else {
      throw TrainingError.diverged(epoch: journal.position.epoch + 1)
    }
    // A schedule counts the steps that were taken, as with torch's scaler.
    if let scheduler, !scheduler.followsMetric, outcome.isTaken { scheduler.step() }
    journal.add(outcome, samples: window.count)
    return outcome.loss
  }

  /// Tests what the current epoch has come to, and goes on to the next, which is drawn from `generator`.
  private mutating func finishEpoch(_ generator: SeededGenerator) -> EpochResult {
    let start = ContinuousClock.now
    let logits = model.logits(test.features)
    let correct = zip(logits.argMax(axis: -1), test.labels).count { $0 == $1 }
    let result = EpochResult(
      epoch: journal.position.epoch + 1, trainingLoss: journal.lossSum / Double(training.count),
      testLoss: crossEntropy(logits, labels: test.labels),
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
    return TrainingResult(
      samples: training.count + test.count, testSamples: test.count, classes: training.classNames.count,
      parameters: parameters, epochs: journal.epochs,
      testAccuracy: journal.epochs[journal.epochs.count - 1].testAccuracy, steps: journal.position.step,
      seconds: journal.seconds, gradientSecondsPerStep: journal.gradientSeconds / taken,
      optimizerSecondsPerStep: journal.optimizerSeconds / taken,
      stateBytes: takeStep.optimizer.stateByteCount,
      // Two moments a parameter.
      adamwStateBytes: 2 * settings.scalarType.arithmeticType.byteCount * parameters,
      optimizer: settings.optimizer.kind, scalarType: settings.scalarType,
      rounding: settings.scalarType.byteCount == 2 ? settings.optimizer.options.rounding : nil,
      batchSize: settings.batchSize, microBatches: settings.microBatches, clipNorm: settings.clipNorm,
      lossScale: takeStep.scaler.isEnabled ? takeStep.scaler.scale : nil,
      skippedSteps: journal.skippedSteps, backend: settings.backend, threads: takeStep.optimizer.threads,
      seed: settings.seed, parametersChecksum: model.checksum)
  }
}

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
  var seconds: Double { self / .seconds(1) }
}
