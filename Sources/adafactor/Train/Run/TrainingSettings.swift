import Optimizers
import Schedules
import Tensors

/// What a training run is determined by, beside its data: the same settings give the same result.
struct TrainingSettings {
  var epochs = 30
  var batchSize = 64
  var hidden = [128]
  var testFraction = 0.2
  var seed: UInt64 = 0
  var optimizer = Adafactor.Options()
  var schedule: ScheduleChoice?
  /// Threads of the optimizer; nil for as many as there are processors.
  var threads: Int?
  var kernels = KernelPathKind.current
}

/// A schedule by name, which needs the number of steps to become one.
struct ScheduleChoice {
  var name: String
  var warmup = WarmupLength.steps(0)
  var options: [String: ScheduleOption] = [:]

  /// The schedule of a run of this many steps. One that follows a metric sees one of each epoch, not of each step.
  func policy(trainingSteps: Int) throws(ScheduleError) -> SchedulePolicy {
    try SchedulePolicy(
      named: name, warmupSteps: warmup.steps(of: trainingSteps), trainingSteps: trainingSteps,
      options: options)
  }
}
