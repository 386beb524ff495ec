import RealModule

/// m(s) rises from a to 1 over W steps, stays at 1 for H steps, falls exponentially to b over D steps, and
/// stays at b.
///
/// With W = 10, H = 30, D = 50, a = b = 0.01:
///
/// ![The learning rate over the steps](tri_stage)
///
///     s < W            a + (1 − a) s / W
///     s < W + H        1
///     s ≤ W + H + D    b^((s − W − H) / D)
///     after            b
///
/// - W: `warmupSteps`, H: `holdSteps`, D: `decaySteps`
/// - a: `initialRatio`, b: `finalRatio`, fractions of the initial rate
///
/// A phase of 0 steps is skipped.
///
/// Source: `tri_stage` of fairseq; Park et al., "SpecAugment" (arXiv 1904.08779).
public struct TriStageSchedule: MultiplierSchedule {
  @usableFromInline static let defaults = (initialRatio: 0.01, finalRatio: 0.01)

  /// W, the number of steps of the linear warmup.
  public let warmupSteps: Int
  /// H, the number of steps at the initial rate.
  public let holdSteps: Int
  /// D, the number of steps of the exponential decay.
  public let decaySteps: Int
  /// a, the rate at step 0 as a fraction of the initial rate.
  public let initialRatio: Double
  /// b, the rate at the end as a fraction of the initial rate.
  public let finalRatio: Double

  /// Creates a schedule of W + H + D steps.
  ///
  /// - Throws: ``ScheduleError`` for a negative setting, and for a final ratio of 0.
  public init(
    warmupSteps: Int, holdSteps: Int, decaySteps: Int, initialRatio: Double = defaults.initialRatio,
    finalRatio: Double = defaults.finalRatio
  ) throws(ScheduleError) {
    try Self.requireCounts(["warmupSteps": warmupSteps, "holdSteps": holdSteps, "decaySteps": decaySteps])
    try Self.requireNonNegative(["initialRatio": initialRatio])
    try Self.requirePositive(["finalRatio": finalRatio])
    self.warmupSteps = warmupSteps
    self.holdSteps = holdSteps
    self.decaySteps = decaySteps
    self.initialRatio = initialRatio
    self.finalRatio = finalRatio
  }

  /// Creates a schedule of T = `trainingSteps` steps. The decay takes the steps that remain after warmup and hold.
  ///
  /// - Throws: ``ScheduleError`` as the other initializer, or if warmup and hold are longer than the training.
  public init(
    warmupSteps: some StepLength, holdSteps: some StepLength, trainingSteps: Int,
    initialRatio: Double = defaults.initialRatio, finalRatio: Double = defaults.finalRatio
  ) throws(ScheduleError) {
    let warmupSteps = try warmupSteps.steps(of: trainingSteps)
    let holdSteps = try holdSteps.steps(of: trainingSteps)
    try Self.requireCounts(["warmupSteps": warmupSteps, "holdSteps": holdSteps])
    try Self.require(
      trainingSteps >= warmupSteps + holdSteps, "trainingSteps", trainingSteps,
      "must include the warmup (\(warmupSteps)) and the hold (\(holdSteps)): increase it or decrease those")
    try self.init(
      warmupSteps: warmupSteps, holdSteps: holdSteps, decaySteps: trainingSteps - warmupSteps - holdSteps,
      initialRatio: initialRatio, finalRatio: finalRatio)
  }

  private enum CodingKeys: String, CodingKey {
    case warmupSteps = "num_warmup_steps", holdSteps = "hold_steps", decaySteps = "decay_steps"
    case initialRatio = "init_lr_scale", finalRatio = "final_lr_scale"
  }

  private enum TrainingKeys: String, CodingKey { case trainingSteps = "num_training_steps" }

  /// Decodes the settings, or computes the decay steps from the training steps.
  public init(from decoder: any Decoder) throws {
    let settings = try decoder.container(keyedBy: CodingKeys.self)
    let (warmupSteps, holdSteps): (Int, Int) = (try settings[.warmupSteps], try settings[.holdSteps])
    let decaySteps =
      try settings[optional: .decaySteps]
      ?? Self(
        warmupSteps: warmupSteps, holdSteps: holdSteps,
        trainingSteps: decoder.container(keyedBy: TrainingKeys.self)[.trainingSteps]
      ).decaySteps
    try self.init(
      warmupSteps: warmupSteps, holdSteps: holdSteps, decaySteps: decaySteps,
      initialRatio: settings[.initialRatio], finalRatio: settings[.finalRatio])
  }

  /// Returns the value of the current stage.
  public func multiplier(at step: Int) -> Double {
    if step < warmupSteps { return initialRatio + (1 - initialRatio) * Double(step) / Double(warmupSteps) }
    let decayed = step - warmupSteps - holdSteps
    if decayed < 0 { return 1 }
    if decayed < decaySteps { return .pow(finalRatio, Double(decayed) / Double(decaySteps)) }
    return finalRatio
  }
}
