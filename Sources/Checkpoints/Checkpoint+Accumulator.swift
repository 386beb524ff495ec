import Optimizers

extension Checkpoint {
  private static let accumulatorName = "accumulator"

  /// An accumulator's window, without the sums.
  private struct Window: Codable {
    var step: Int
    var totalWeight: Double
    var notes: [String: GradientAccumulator.State.Notes]
  }

  /// Stores the current window of micro-batches of `accumulator`.
  ///
  /// - Precondition: `apply()` hasn't been called since the accumulator's last reset.
  /// - Throws: ``CheckpointError/unencodable(name:problem:)`` if JSON cannot hold a value.
  public mutating func setAccumulator(_ accumulator: GradientAccumulator) throws(CheckpointError) {
    let state = accumulator.state()
    collections[Self.accumulatorName] = TensorCollection(state.sums)
    try setValue(
      Window(step: state.step, totalWeight: state.totalWeight, notes: state.notes), for: Self.accumulatorName)
  }

  /// Restores the window that the checkpoint holds.
  ///
  /// - Throws: ``CheckpointError``. The accumulator is unchanged then.
  public func restoreAccumulator(_ accumulator: GradientAccumulator) throws(CheckpointError) {
    let window = try value(Window.self, for: Self.accumulatorName)
    let sums = try collection(Self.accumulatorName).tensors
    try CheckpointError.wrapping(CheckpointError.mismatch) { () throws(StateMismatch) in
      try accumulator.restore(
        .init(step: window.step, totalWeight: window.totalWeight, sums: sums, notes: window.notes))
    }
  }
}
