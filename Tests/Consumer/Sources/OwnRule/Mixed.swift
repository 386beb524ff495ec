import Checkpoints
import Foundation
import Optimizers
import Schedules
import Tensors

/// Lion for matrices and AdamW for the rest, in one optimizer. Schedules and checkpoints treat it like any other.
struct MixedTraining {
  var model = Model()
  let optimizer: MultiOptimizer
  let scheduler: LearningRateScheduler
  var position = TrainingPosition()

  init() throws {
    optimizer = try MultiOptimizer([
      ParameterGroup(model.matrices, options: Lion(learningRate: 1e-2, weightDecay: 0.1)),
      ParameterGroup(model.vectors, options: AdamW.Options(learningRate: 2e-3, weightDecay: 0.01)),
    ])
    scheduler = try LearningRateScheduler(
      optimizer, LinearSchedule(warmupSteps: 0, trainingSteps: 2 * steps))
  }

  /// Takes a step, and returns its gradients.
  mutating func step() throws -> [[Double]] {
    let gradients = model.setGradients()
    let report = try optimizer.step()
    precondition(report.steppedCount == 4 && report.nonFinite.isEmpty)
    scheduler.step()
    position.step += 1
    return gradients
  }
}

/// Trains, saves a checkpoint halfway, resumes it in another training run, and compares with loops in Double.
func checkMultiOptimizer() throws {
  let path = FileManager.default.temporaryDirectory.path + "/own-rule-\(UUID().uuidString)"
  defer { try? FileManager.default.removeItem(atPath: path) }
  let directory = CheckpointDirectory(path: path)

  var training = try MixedTraining()
  var expected = training.model.parameters.map { Expected($0) }
  for step in 0..<steps {
    let factor = 1 - Double(step) / Double(2 * steps)
    for (index, gradient) in try training.step().enumerated() {
      if index < training.model.matrices.count {
        expected[index].stepLion(gradient, rate: 1e-2 * factor, decay: 0.1, beta1: 0.9, beta2: 0.99)
      } else {
        expected[index].stepAdamW(gradient, t: step + 1, rate: 2e-3 * factor, decay: 0.01)
      }
    }
    if step == steps / 2 - 1 {
      try directory.save(
        Checkpoint(
          position: training.position, model: training.model.parameters, optimizer: training.optimizer,
          schedulers: [training.scheduler]))
    }
  }
  for (parameter, expected) in zip(training.model.parameters, expected) {
    require(parameter.value, near: expected.p, steps: steps, "The mixed optimizer, \(parameter.name)")
  }

  var resumed = try MixedTraining()
  guard let found = try directory.latest() else {
    preconditionFailure("There must be a checkpoint in \(path).")
  }
  try found.checkpoint.restore(
    model: resumed.model.parameters, optimizer: resumed.optimizer, schedulers: [resumed.scheduler])
  resumed.position = found.checkpoint.position
  precondition(resumed.position.step == steps / 2)
  for _ in 0..<resumed.position.step { _ = resumed.model.setGradients() }
  while resumed.position.step < steps { _ = try resumed.step() }
  precondition(
    resumed.model.parameters.map(\.value) == training.model.parameters.map(\.value)
      && resumed.scheduler.currentRates == training.scheduler.currentRates,
    "A resumed training run must have the bits of an uninterrupted one.")
  print("Lion for matrices and AdamW for the rest, resumed from a checkpoint with the same bits")
}
