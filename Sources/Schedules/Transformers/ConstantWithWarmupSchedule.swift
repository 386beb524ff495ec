/// m(s) = s / W while s < W, then 1.
///
/// With W = 10:
///
/// ![The learning rate over the steps](constant_with_warmup)
///
/// Step 0 of a warmup has the rate 0, so that optimizer step changes nothing. With W = 1, step 0 is the whole
/// warmup.
///
/// Source: `constant_with_warmup` of transformers.
public struct ConstantWithWarmupSchedule: MultiplierSchedule, CheckedSettings {
  /// W, the number of steps of the linear warmup; 0 for none.
  public let warmupSteps: Int

  /// Creates a linear warmup to the initial rate, which is constant after that.
  ///
  /// - Throws: ``ScheduleError`` for a negative count.
  public init(warmupSteps: Int) throws(ScheduleError) {
    try Self.requireCounts(["warmupSteps": warmupSteps])
    self.warmupSteps = warmupSteps
  }

  enum CodingKeys: String, CodingKey { case warmupSteps = "num_warmup_steps" }

  init(_ settings: KeyedDecodingContainer<CodingKeys>) throws {
    try self.init(warmupSteps: settings[.warmupSteps])
  }

  /// Returns s / W if s < W, or else 1.
  public func multiplier(at step: Int) -> Double { linearWarmup(at: step, warmupSteps: warmupSteps) ?? 1 }
}
