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
  var optimizer = OptimizerChoice.adafactor(Adafactor.Options())
  /// The norm above which a gradient is scaled down; nil for any.
  var clipNorm: Double?
  var schedule: ScheduleChoice?
  /// Threads of the optimizer; nil for as many as there are processors.
  var threads: Int?
  var backend = Backend.default

  var samplesOfStep: Int { batchSize * microBatches }
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
}
