import Optimizers

extension Checkpoint {
  private static let accumulatorName = "accumulator"

  /// What an accumulator's window is apart from its sums.
  private struct Window: Codable {
    var step: Int
    var totalWeight: Double
    var notes: [String: GradientAccumulator.State.Notes]
  }

  /// Keeps the window of micro-batches that `accumulator` is in the middle of.
  ///
  /// - Precondition: `apply()` hasn't been called since its last reset.
  /// - Throws: ``CheckpointError/unencodable(name:problem:)`` for what JSON cannot hold.
  public mutating func setAccumulator(_ accumulator: GradientAccumulator) throws(CheckpointError) {
    let state = accumulator.state()
    collections[Self.accumulatorName] = TensorCollection(state.sums)
    try setValue(
      Window(step: state.step, totalWeight: state.totalWeight, notes: state.notes), for: Self.accumulatorName)
  }

  /// Goes on with the window that was kept.
  ///
  /// - Throws: ``CheckpointError``, with everything as it was.
  public func restoreAccumulator(_ accumulator: GradientAccumulator) throws(CheckpointError) {
    let window = try value(Window.self, for: Self.accumulatorName)
    let sums = try collection(Self.accumulatorName).tensors
    try CheckpointError.wrapping(CheckpointError.mismatch) { () throws(StateMismatch) in
      try accumulator.restore(
        .init(step: window.step, totalWeight: window.totalWeight, sums: sums, notes: window.notes))
    }
  }
}
