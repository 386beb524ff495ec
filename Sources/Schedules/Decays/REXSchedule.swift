/// m(s) = (1 − x) / (1 − d x), x = s / T: a decay that stays above the straight line and is steep at its end.
///
/// With T = 80, d = ½, after a warmup of 10 steps:
///
/// ![The learning rate over the steps](rex)
///
/// With T = 0 it is 0 at every step.
///
/// Source: Chen, Wolfe and Kyrillidis, "REX: Revisiting Budgeted Training with an Improved Schedule"
/// (arXiv 2107.04197), which writes it as (1 − x) / (½ + ½(1 − x)).
public struct REXSchedule: MultiplierSchedule, CheckedSettings {
  @usableFromInline static let defaultDelay = 0.5

  /// T, the number of training steps. The rate is 0 from s = T on.
  public let trainingSteps: Int
  /// d, the delay of the decay, at least 0 (a straight line) and below 1. The paper uses ½.
  public let delay: Double

  /// Creates a decay from the initial rate to 0 at `trainingSteps`.
  ///
  /// - Throws: ``ScheduleError`` for a negative count, and for a delay outside 0 ..< 1.
  public init(trainingSteps: Int, delay: Double = defaultDelay) throws(ScheduleError) {
    try Self.requireCounts(["trainingSteps": trainingSteps])
    try Self.require((0..<1).contains(delay), "delay", delay, "must be in 0 ..< 1")
    self.trainingSteps = trainingSteps
    self.delay = delay
  }

  enum CodingKeys: String, CodingKey { case trainingSteps = "num_training_steps", delay }

  init(_ settings: KeyedDecodingContainer<CodingKeys>) throws {
    try self.init(trainingSteps: settings[.trainingSteps], delay: settings[.delay])
  }

  /// Returns (1 − x) / (1 − d x).
  public func multiplier(at step: Int) -> Double {
    guard step < trainingSteps else { return 0 }
    let progress = Double(step) / Double(trainingSteps)
    return (1 - progress) / (1 - delay * progress)
  }
}
