/// m(s) = s / W while s < W, then max(0, (T − s) / max(1, T − W)).
///
/// With W = 10, T = 90:
///
/// ![The learning rate over the steps](linear)
///
/// It is 0 from s = T on. If W ≥ T, it is 0 from the end of the warmup on.
///
/// Source: `linear` of transformers.
public struct LinearSchedule: MultiplierSchedule, CheckedSettings {
  /// W, the number of steps of the linear warmup; 0 for none.
  public let warmupSteps: Int
  /// T, the number of all steps, including the warmup.
  public let trainingSteps: Int

  /// Creates a linear warmup to the initial rate, followed by a straight line to 0 at `trainingSteps`.
  ///
  /// - Throws: ``ScheduleError`` for a negative count.
  public init(warmupSteps: some StepLength = 0, trainingSteps: Int) throws(ScheduleError) {
    self.warmupSteps = try warmupSteps.checkedSteps(of: trainingSteps, Self.name)
    self.trainingSteps = trainingSteps
  }

  enum CodingKeys: String, CodingKey {
    case warmupSteps = "num_warmup_steps", trainingSteps = "num_training_steps"
  }

  init(_ settings: KeyedDecodingContainer<CodingKeys>) throws {
    try self.init(warmupSteps: settings[.warmupSteps] as Int, trainingSteps: settings[.trainingSteps])
  }

  /// Returns s / W if s < W, or else max(0, (T − s) / max(1, T − W)).
  public func multiplier(at step: Int) -> Double {
    linearWarmup(at: step, warmupSteps: warmupSteps)
      ?? max(0, Double(trainingSteps - step) / Double(max(1, trainingSteps - warmupSteps)))
  }
}
