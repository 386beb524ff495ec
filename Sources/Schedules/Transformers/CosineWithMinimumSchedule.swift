import RealModule

/// η(s) = η₀ s / W while s < W, then f (η₀ − η_min) + η_min
/// with f = ½(1 + cos(2π c p)), p = (s − W) / max(1, T − W).
///
/// With η₀ = 1, W = 10, T = 90, η_min = 0.2:
///
/// ![The learning rate over the steps](cosine_with_min_lr)
///
/// - η_min: `minimum`, a rate or a fraction of η₀
/// - p: the completed fraction of the decay
///
/// With c = ½, it is η_min at s = T and rises again after that, like ``CosineSchedule``. If η_min is above η₀,
/// the schedule rises instead of falling. A minimum that is given as a rate is the minimum of every group.
/// Transformers divides it by the optimizer's default rate, so a group with another rate has the minimum η_min
/// · η₀ / default there.
///
/// Source: `cosine_with_min_lr` of transformers.
public struct CosineWithMinimumSchedule: Schedule, CheckedSettings {
  /// W, the number of steps of the linear warmup from 0; 0 for none.
  public let warmupSteps: Int
  /// T, the number of all steps, including the warmup.
  public let trainingSteps: Int
  /// η_min, if it is given as a rate.
  public let minimumRate: Double?
  /// η_min / η₀, if it is given as a fraction of η₀.
  public let minimumRatio: Double?
  /// c, the number of waves between W and T; ½ falls once from η₀ to η_min.
  public let cycles: Double

  /// Creates a linear warmup to the initial rate, followed by `cycles` waves down to `minimum` until
  /// `trainingSteps`.
  ///
  /// - Throws: ``ScheduleError`` for a negative setting.
  public init(
    warmupSteps: some StepLength = 0, trainingSteps: Int, minimum: MinimumRate,
    cycles: Double = CosineSchedule.defaultCycles
  ) throws(ScheduleError) {
    self.warmupSteps = try warmupSteps.checkedSteps(of: trainingSteps, Self.name)
    try Self.requireNonNegative(["minimum": minimum.rate ?? minimum.ratio ?? 0, "cycles": cycles])
    self.trainingSteps = trainingSteps
    (minimumRate, minimumRatio) = (minimum.rate, minimum.ratio)
    self.cycles = cycles
  }

  enum CodingKeys: String, CodingKey {
    case warmupSteps = "num_warmup_steps", trainingSteps = "num_training_steps"
    case minimumRate = "min_lr", minimumRatio = "min_lr_rate", cycles = "num_cycles"
  }

  init(_ settings: KeyedDecodingContainer<CodingKeys>) throws {
    try self.init(
      warmupSteps: settings[.warmupSteps] as Int, trainingSteps: settings[.trainingSteps],
      minimum: MinimumRate(rate: settings[optional: .minimumRate], ratio: settings[optional: .minimumRatio]),
      cycles: settings[.cycles])
  }

  /// Returns η₀ s / W if s < W, or else f (η₀ − η_min) + η_min.
  public func rate(at step: Int, initialRate: Double) -> Double {
    if let warmup = linearWarmup(at: step, warmupSteps: warmupSteps) { return initialRate * warmup }
    let progress = decayProgress(at: step, warmupSteps: warmupSteps, trainingSteps: trainingSteps)
    let minimumRate = minimumRate ?? initialRate * (minimumRatio ?? 0)
    return max(0, cosineWave(progress, cycles: cycles) * (initialRate - minimumRate) + minimumRate)
  }
}
