import Checkpoints
import Optimizers
import Tensors
import TestSupport
import Testing

@Suite struct AccumulatorCheckpointTests {
  /// A model whose micro-batches are summed. `add` draws the micro-batches of a range.
  private struct Run {
    let model = TestModel()
    let accumulator: GradientAccumulator

    init() { accumulator = GradientAccumulator(model.parameters) }

    func add(_ batches: Range<UInt64>) throws {
      for batch in batches {
        model.setGradients(step: batch)
        try accumulator.add(weight: Double(batch + 1))
      }
    }

    /// Returns the averages, clipped by the global norm, which a step would read.
    func apply() throws -> [Bits?] {
      try accumulator.apply()
      try model.parameters.clipGradientNorm(maxNorm: 0.5)
      return model.parameters.map { $0.gradient.map { $0.bits } }
    }
  }

  @Test func `An interrupted window continues with the same bits`() throws {
    let folder = try TemporaryFolder()
    let directory = CheckpointDirectory(path: folder.file("run"))
    let run = Run()
    try run.add(0..<3)
    var checkpoint = Checkpoint(position: .init(step: 3))
    try checkpoint.setAccumulator(run.accumulator)
    try directory.save(checkpoint)
    try run.add(3..<5)
    let expected = try run.apply()
    let scales = run.model.parameters.map(\.gradientScale)

    let resumed = Run()
    try resumed.add(7..<9)
    try #require(try directory.latest()).checkpoint.restoreAccumulator(resumed.accumulator)
    #expect(resumed.accumulator.step == 3)
    #expect(resumed.accumulator.totalWeight == 6)
    try resumed.add(3..<5)
    #expect(try resumed.apply() == expected)
    #expect(resumed.model.parameters.map(\.gradientScale) == scales)
  }

  @Test func `The norm is known without reading restored sums`() throws {
    let run = Run()
    try run.add(0..<2)
    var checkpoint = Checkpoint(position: .init())
    try checkpoint.setAccumulator(run.accumulator)
    let resumed = Run()
    try checkpoint.restoreAccumulator(resumed.accumulator)
    #expect(try resumed.apply() == run.apply())
    #expect(resumed.model.parameters.map(\.gradientScale) == run.model.parameters.map(\.gradientScale))
  }

  @Test func `An empty window can be saved, too`() throws {
    var checkpoint = Checkpoint(position: .init())
    try checkpoint.setAccumulator(Run().accumulator)
    let resumed = Run()
    try resumed.add(0..<2)
    try checkpoint.restoreAccumulator(resumed.accumulator)
    #expect(resumed.accumulator.step == 0)
    #expect(throws: GradientAccumulatorError.notCalled) { try resumed.accumulator.apply() }
  }

  @Test func `A window of other parameters is refused with all differences, and nothing changes`() throws {
    let run = Run()
    try run.add(0..<2)
    var checkpoint = Checkpoint(position: .init())
    try checkpoint.setAccumulator(run.accumulator)
    let parameters = [Parameter("matrix", Tensor(zeros: [5, 8])), Parameter("bias", Tensor(zeros: [9]))]
    let other = GradientAccumulator(parameters)
    #expect(
      throws: CheckpointError.mismatch(
        StateMismatch(
          [.parameter(name: "matrix", saved: "float32 [5, 7]", here: "float32 [5, 8]")]
            + ["embedding", "layers.0.weight", "scalar"].map { .unknown(parameter: $0) }))
    ) { try checkpoint.restoreAccumulator(other) }
    #expect(other.step == 0)
    #expect(throws: CheckpointError.missing(name: "accumulator")) {
      try Checkpoint(position: .init()).restoreAccumulator(other)
    }
  }
}
