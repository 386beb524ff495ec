import Checkpoints
import Foundation
import Optimizers
import Schedules
import Tensors

/// A training run of y = x W + b with micro-batches of unequal sizes, four per step.
final class Training {
  let steps = 60
  let microBatchesAStep = 4

  let weights = Parameter("weights", Tensor(zeros: [12, 6]))
  let bias = Parameter("bias", Tensor(zeros: [6]))
  var parameters: [Parameter] { [weights, bias] }
  let optimizer: Adafactor
  let scheduler: LearningRateScheduler
  let accumulator: GradientAccumulator
  /// The generator of the micro-batches, which a checkpoint must include.
  var generator = SeededGenerator(seed: 1)
  var position = TrainingPosition()

  private let inputs: Tensor
  private let targets: Tensor

  init() throws {
    var generator = SeededGenerator(seed: 8)
    inputs = Tensor(normal: [256, 12], using: &generator)
    targets = inputs.matmul(Tensor(normal: [12, 6], using: &generator)) + 0.5
    optimizer = try Adafactor(
      [weights, bias], options: .init(learningRate: .constant(0.1), beta1: 0.5, scaleParameter: false),
      nonFinitePolicy: .skipStep)
    scheduler = try LearningRateScheduler(optimizer, CosineSchedule(warmupSteps: 5, trainingSteps: steps))
    accumulator = GradientAccumulator([weights, bias])
  }

  /// Trains to the end, from the latest checkpoint in `directory` if there is one.
  ///
  /// - Parameter microBatches: The number of micro-batches after which the process kills itself, like a power failure.
  func run(directory path: String, killAfter microBatches: Int? = nil) throws {
    let directory = CheckpointDirectory(path: path)
    if let found = try directory.latest() {
      for damaged in found.damaged { print("skipped: \(damaged)") }
      try resume(found.checkpoint)
    }
    while position.step < steps {
      try addMicroBatch()
      if accumulator.step == microBatchesAStep { try step() }

      let done = position.step * microBatchesAStep + accumulator.step
      if done.isMultiple(of: 7) { try directory.save(checkpoint()) }
      if done == microBatches { kill(getpid(), SIGKILL) }
    }
  }

  /// Adds the gradients of one micro-batch, weighted by its number of samples, so that each sample counts the same.
  private func addMicroBatch() throws {
    let samples = (0..<Int.random(in: 4...12, using: &generator)).map { _ in
      Int.random(in: 0..<inputs.shape[0], using: &generator)
    }
    let x = inputs.rows(at: samples)
    let error = predictions(x) - targets.rows(at: samples)
    let yGradient = error * (2 / Double(error.elementCount))
    weights.gradient = x.matmul(yGradient, transposed: true)
    bias.gradient = yGradient.sum(axis: -2)
    try accumulator.add(weight: Double(samples.count))
  }

  /// Takes one step from the sums: averages, clips, steps, and advances the schedule once.
  private func step() throws {
    try accumulator.apply()
    try parameters.clipGradientNorm(maxNorm: 1)
    try optimizer.step()
    scheduler.step()
    accumulator.reset()
    position.step += 1
  }

  /// Everything that the rest of the training depends on, including an incomplete window of micro-batches.
  private func checkpoint() throws -> Checkpoint {
    var checkpoint = try Checkpoint(
      position: position, model: parameters, optimizer: optimizer, schedulers: [scheduler])
    try checkpoint.setAccumulator(accumulator)
    try checkpoint.setValue(generator, for: "micro-batches")
    return checkpoint
  }

  private func resume(_ checkpoint: Checkpoint) throws {
    try checkpoint.restore(model: parameters, optimizer: optimizer, schedulers: [scheduler])
    try checkpoint.restoreAccumulator(accumulator)
    generator = try checkpoint.value(SeededGenerator.self, for: "micro-batches")
    position = checkpoint.position
  }

  private func predictions(_ x: Tensor) -> Tensor {
    let ones = Tensor(ones: [x.shape[0], 1])
    return x.matmul(weights.value) + ones.matmul(bias.value.reshaped(to: [1, 6]))
  }

  /// The mean squared error over all samples.
  func loss() -> Double {
    let error = predictions(inputs) - targets
    return (error * error).mean()
  }
}
