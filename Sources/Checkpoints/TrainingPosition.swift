/// The position of a training run.
public struct TrainingPosition: Sendable, Codable, Hashable {
  /// The number of optimizer steps taken.
  public var step: Int
  /// The number of complete passes over the data.
  public var epoch: Int
  /// The number of examples of the current pass that have been used.
  public var example: Int

  /// Creates a position, by default the start.
  public init(step: Int = 0, epoch: Int = 0, example: Int = 0) {
    self.step = step
    self.epoch = epoch
    self.example = example
  }
}
