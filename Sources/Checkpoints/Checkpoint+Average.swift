import Optimizers

extension Checkpoint {
  private static let averageName = "average"

  /// The numbers of an average of the weights.
  private struct Average: Codable {
    var decay: Double
    var updateCount: Int
  }

  /// Stores an average of the weights.
  ///
  /// - Throws: ``CheckpointError/unencodable(name:problem:)`` if JSON cannot hold a value.
  public mutating func setAverage(_ average: ExponentialMovingAverage) throws(CheckpointError) {
    let state = average.state()
    collections[Self.averageName] = TensorCollection(state.averages)
    try setValue(Average(decay: state.decay, updateCount: state.updateCount), for: Self.averageName)
  }

  /// Restores the average that the checkpoint holds.
  ///
  /// - Throws: ``CheckpointError``. The average is unchanged then.
  public func restoreAverage(_ average: ExponentialMovingAverage) throws(CheckpointError) {
    let numbers = try value(Average.self, for: Self.averageName)
    let averages = try collection(Self.averageName).tensors
    try CheckpointError.wrapping(CheckpointError.mismatch) { () throws(StateMismatch) in
      try average.restore(
        .init(decay: numbers.decay, updateCount: numbers.updateCount, averages: averages))
    }
  }
}
