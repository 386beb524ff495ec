/// The position of a training.
public struct TrainingPosition: Sendable, Codable, Hashable {
  /// Optimizer steps taken.
  public var step: Int
  /// Passes over the data that are complete.
  public var epoch: Int
  /// Examples of the current pass that have been used.
  public var example: Int

  /// A position; the beginning by default.
  public init(step: Int = 0, epoch: Int = 0, example: Int = 0) {
    self.step = step
    self.epoch = epoch
    self.example = example
  }
}
