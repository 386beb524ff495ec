import Foundation
import Optimizers
import Schedules
import Tensors

/// The settings that, together with the data, determine a training run: the same settings give the same
/// result.
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
  /// The maximum norm of gradients, or `nil` for no clipping.
  var clipNorm: Double?
  var schedule: ScheduleChoice?
  /// The number of threads of the optimizer, or `nil` for one per core.
  var threads: Int?
  /// The backend of the model and the optimizer, or `nil` for the default of each.
  var backend: Backend?

  /// The backend of the model's tensors.
  var modelBackend: Backend { backend ?? .default }

  var samplesOfStep: Int { batchSize * microBatches }

  /// The maximum count of numbers in a model and the work of a step: 1 GB in Float32.
  static let maximumNumbers = 1 << 28

  /// Returns these settings limited to the available samples and threads, so that reports show what was used.
  func limited(to samples: Int) -> TrainingSettings {
    var settings = self
    settings.batchSize = min(batchSize, samples)
    settings.microBatches = min(microBatches, (samples - 1) / settings.batchSize + 1)
    settings.threads = threads.map { min($0, ProcessInfo.processInfo.processorCount) }
    return settings
  }

  /// Throws ``TrainingError/tooLarge(hidden:parameters:)`` if the model and a step need too much memory.
  func requireMemory(widths: [Int], testSamples: Int) throws(TrainingError) {
    // Computed in Double, so that products of any widths are representable.
    let parameters = zip(widths, widths.dropFirst()).reduce(0.0) { $0 + (Double($1.0) + 1) * Double($1.1) }
    let rows = max(batchSize, min(testSamples, Perceptron.maximumRows))
    // Values, gradients and two moments, plus the inputs and the sums of each layer.
    let numbers = 4 * parameters + 2 * Double(rows) * widths.reduce(0.0) { $0 + Double($1) }
    guard numbers <= Double(Self.maximumNumbers) else {
      throw .tooLarge(hidden: hidden, parameters: parameters)
    }
  }
}

/// A schedule by name. It can be created once the number of steps is known.
struct ScheduleChoice {
  var name: String
  var warmup = WarmupLength.steps(0)
  var options: [String: ScheduleOption] = [:]

  /// Returns the schedule of a run of this many steps. A schedule that follows a metric sees one metric per
  /// epoch, not per step.
  func schedule(trainingSteps: Int) throws(ScheduleError) -> AnyLearningRateSchedule {
    try AnyLearningRateSchedule(
      named: name, warmupSteps: warmup.steps(of: trainingSteps), trainingSteps: trainingSteps,
      options: options)
  }

  /// Returns the result of `body`, which uses the schedule. Errors name options as the command line does.
  ///
  /// - Parameter trainingSteps: The text for the number of training steps.
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
