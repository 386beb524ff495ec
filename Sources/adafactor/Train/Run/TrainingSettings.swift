import Foundation
import Optimizers
import Schedules
import Tensors

/// What a training run is determined by, beside its data: the same settings give the same result.
struct TrainingSettings {
  var epochs = 30
  var batchSize = 64
  var microBatches = 1
  var hidden = [128]
  var testFraction = 0.2
  var seed: UInt64 = 0
  /// The type of parameters and samples, which the model computes in.
  var scalarType = ScalarType.float32
  var optimizer = OptimizerChoice(Adafactor.Options())
  /// The norm above which a gradient is scaled down; nil for any.
  var clipNorm: Double?
  var schedule: ScheduleChoice?
  /// Threads of the optimizer; nil for as many as there are processors.
  var threads: Int?
  var backend = Backend.default

  var samplesOfStep: Int { batchSize * microBatches }

  /// The numbers that a model and the work of a step may take: 1 GB in Float32.
  static let maximumNumbers = 1 << 28

  /// These settings with as many samples and threads as there are, so that reports tell what was done.
  func limited(to samples: Int) -> TrainingSettings {
    var settings = self
    settings.batchSize = min(batchSize, samples)
    settings.microBatches = min(microBatches, (samples - 1) / settings.batchSize + 1)
    settings.threads = threads.map { min($0, ProcessInfo.processInfo.processorCount) }
    return settings
  }

  /// - Throws: ``TrainingError/tooLarge(hidden:parameters:)``.
  func requireMemory(widths: [Int], testSamples: Int) throws(TrainingError) {
    // In Double, products of any widths are counted.
    let parameters = zip(widths, widths.dropFirst()).reduce(0.0) { $0 + (Double($1.0) + 1) * Double($1.1) }
    let rows = max(batchSize, min(testSamples, Perceptron.maximumRows))
    // Values, gradients and two moments; the inputs and the sums of each layer.
    let numbers = 4 * parameters + 2 * Double(rows) * widths.reduce(0.0) { $0 + Double($1) }
    guard numbers <= Double(Self.maximumNumbers) else {
      throw .tooLarge(hidden: hidden, parameters: parameters)
    }
  }
}

/// A schedule by name, which needs the number of steps to become one.
struct ScheduleChoice {
  var name: String
  var warmup = WarmupLength.steps(0)
  var options: [String: ScheduleOption] = [:]

  /// The schedule of a run of this many steps. One that follows a metric sees one of each epoch, not of each
  /// step.
  func schedule(trainingSteps: Int) throws(ScheduleError) -> AnyLearningRateSchedule {
    try AnyLearningRateSchedule(
      named: name, warmupSteps: warmup.steps(of: trainingSteps), trainingSteps: trainingSteps,
      options: options)
  }

  /// Returns what `body` does with the schedule; its errors name options as the command line does.
  ///
  /// - Parameter trainingSteps: The words for the number of training steps.
  func namingOptions<Result>(trainingSteps: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as ScheduleError {
      let error = try ScheduleCatalog.entry(named: name).naming(error, given: options.keys)
      guard case .invalidSetting(let schedule, let setting, let value, let requirement) = error else {
        throw error
      }
      let words = ["num_warmup_steps": "--warmup-steps", "num_training_steps": trainingSteps]
      throw ScheduleError.invalidSetting(
        schedule: schedule, setting: words[setting] ?? setting, value: value, requirement: requirement)
    }
  }
}
