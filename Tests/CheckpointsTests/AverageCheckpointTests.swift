import Checkpoints
import Optimizers
import Tensors
import TestSupport
import Testing

@Suite struct AverageCheckpointTests {
  @Test func `An average of the weights is saved and continues with the same bits`() throws {
    let folder = try TemporaryFolder()
    let directory = CheckpointDirectory(path: folder.file("run"))
    let (model, other) = (TestModel(), TestModel())
    let average = try ExponentialMovingAverage(model.parameters, decay: 0.9)
    let resumed = try ExponentialMovingAverage(other.parameters, decay: 0.9)
    average.update()
    var checkpoint = Checkpoint(position: .init(step: 1))
    try checkpoint.setAverage(average)
    try directory.save(checkpoint)
    let found = try #require(try directory.latest()).checkpoint
    try found.restoreAverage(resumed)
    for parameter in model.parameters {
      parameter.value = Tensor(zeros: parameter.value.shape, as: parameter.value.scalarType)
    }
    for parameter in other.parameters {
      parameter.value = Tensor(zeros: parameter.value.shape, as: parameter.value.scalarType)
    }
    average.update()
    resumed.update()
    #expect(resumed.updateCount == 2)
    #expect(zip(average.averages, resumed.averages).allSatisfy { $0.bits == $1.bits })
    #expect(average.averages.contains { $0.bits != Tensor(zeros: $0.shape, as: $0.scalarType).bits })
    #expect(throws: CheckpointError.self) {
      try found.restoreAverage(ExponentialMovingAverage(model.parameters, decay: 0.5))
    }
  }
}
