import Checkpoints
import Optimizers
import Schedules
import Tensors
import TestSupport
import Testing

/// A training run of a model with scheduler, random generator and position.
private struct Training {
  let model = TestModel()
  let optimizer: Adafactor
  let scheduler: LearningRateScheduler
  var generator = SeededGenerator(seed: 77)
  var position = TrainingPosition()

  init(trainingSteps: Int = 30) throws {
    optimizer = try Adafactor(
      model.parameters, options: .init(learningRate: .constant(0.02), beta1: 0.9, scaleParameter: true))
    scheduler = try LearningRateScheduler(
      optimizer, CosineSchedule(warmupSteps: 3, trainingSteps: trainingSteps))
  }

  mutating func run(steps: Int) throws {
    for _ in 0..<steps {
      model.setGradients(step: generator.next() % 1_000_000)
      try optimizer.step()
      scheduler.step()
      position.step += 1
      position.example += 8
    }
  }

  func checkpoint() throws -> Checkpoint {
    var checkpoint = try Checkpoint(
      position: position, model: model.parameters, optimizer: optimizer, schedulers: [scheduler])
    try checkpoint.setValue(generator, for: "generator")
    return checkpoint
  }

  mutating func restore(_ checkpoint: Checkpoint) throws {
    try checkpoint.restore(model: model.parameters, optimizer: optimizer, schedulers: [scheduler])
    generator = try checkpoint.value(SeededGenerator.self, for: "generator")
    position = checkpoint.position
  }
}

@Suite struct CheckpointTests {
  @Test(arguments: [0, 1, 2, 3, 10, 29])
  func `A resumed run gives the same bits as an uninterrupted one`(stop: Int) throws {
    var whole = try Training()
    try whole.run(steps: 30)

    let folder = try TemporaryFolder()
    var first = try Training()
    try first.run(steps: stop)
    try CheckpointDirectory(path: folder.file("run")).save(first.checkpoint())

    var second = try Training()
    // Steps before the restoration must have no effect.
    try second.run(steps: 2)
    let found = try #require(try CheckpointDirectory(path: folder.file("run")).latest())
    #expect(found.damaged.isEmpty)
    try second.restore(found.checkpoint)
    try second.run(steps: 30 - stop)
    #expect(second.model.bits == whole.model.bits)
    #expect(second.position == whole.position)
    #expect(second.generator == whole.generator)
    #expect(second.scheduler.state == whole.scheduler.state)
    #expect(second.optimizer.groups.map(\.learningRate) == whole.optimizer.groups.map(\.learningRate))
  }

  @Test func `A model that does not fit is refused with all differences, and nothing changes`() throws {
    var saved = try Training()
    try saved.run(steps: 2)
    let checkpoint = try saved.checkpoint()
    let model = [Parameter("matrix", Tensor(zeros: [5, 8])), Parameter("bias", Tensor(zeros: [9]))]
    let optimizer = try Adafactor(model, options: .init(learningRate: .constant(1), beta1: 0.9))
    let error = #expect(throws: CheckpointError.self) {
      try checkpoint.restore(model: model, optimizer: optimizer)
    }
    guard case .mismatch(let mismatch) = error else {
      Issue.record("not a mismatch: \(String(describing: error))" as Comment)
      return
    }
    #expect(
      mismatch.differences.first
        == .parameter(name: "matrix", saved: "float32 [5, 7]", here: "float32 [5, 8]"))
    // The model lacks four parameters, and so does the optimizer.
    #expect(mismatch.differences.count { if case .unknown = $0 { true } else { false } } == 8)
    #expect(model[1].value == Tensor(zeros: [9]))
    #expect(optimizer.state(of: model[1]) == nil)
    #expect(optimizer.groups.map(\.learningRate) == [1])
  }

  @Test func `If a scheduler does not fit, nothing changes`() throws {
    var saved = try Training()
    try saved.run(steps: 5)
    let checkpoint = try saved.checkpoint()
    var other = try Training(trainingSteps: 31)
    try other.run(steps: 1)
    let (bits, rates) = (other.model.bits, other.optimizer.groups.map(\.learningRate))
    let error = #expect(throws: CheckpointError.self) { try other.restore(checkpoint) }
    #expect(error?.description.contains("trainingSteps is 30 in the saved state, 31 here") == true)
    #expect(other.model.bits == bits)
    #expect(other.optimizer.groups.map(\.learningRate) == rates)
    #expect(other.scheduler.stepCount == 1)
    #expect(throws: CheckpointError.schedule(.groupCount(setting: "scheduler", expected: 1, actual: 0))) {
      try checkpoint.restore(model: other.model.parameters, optimizer: other.optimizer)
    }
  }

  @Test func `The error for a missing value or one of another type names it`() throws {
    var checkpoint = Checkpoint(position: .init())
    try checkpoint.setValue("text", for: "scale")
    #expect(throws: CheckpointError.missing(name: "none")) { try checkpoint.value(Int.self, for: "none") }
    let error = #expect(throws: CheckpointError.self) { try checkpoint.value(Int.self, for: "scale") }
    #expect(error?.description.hasPrefix("the checkpoint: scale: ") == true)
  }
}
