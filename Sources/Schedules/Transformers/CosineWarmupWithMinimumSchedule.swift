import RealModule

/// η(s) = η₀ w(s) while s < W, then f (η₀ − η_min) + η_min
/// with f = ½(1 + cos(2π c p)), p = (s − W + 1) / max(1, T − W).
///
/// With η₀ = 1, W = 10, T = 90, η_min = 0.2, r = 0.3:
///
/// ![The learning rate over the steps](cosine_warmup_with_min_lr)
///
/// The warmup is w(s) = (s + 1) / max(1, W), or r + (1 − r) s / max(1, W − 1) with a start ratio r. Unlike in
/// ``CosineWithMinimumSchedule``, the first step does not have the rate 0, and the peak is at s = W − 1.
///
/// - η_min: `minimum`, a rate or a fraction of η₀
/// - p: the completed fraction of the decay, one step ahead of the other cosines
///
/// With c = ½, it is η_min at the last step, s = T − 1, and rises again from s = T on. With W = 1 and a start
/// ratio, step 0 has the rate r η₀. Minimums that are given as a rate differ from transformers as in
/// ``CosineWithMinimumSchedule``.
///
/// Source: `cosine_warmup_with_min_lr` of transformers.
public struct CosineWarmupWithMinimumSchedule: Schedule, CheckedSettings {
  /// W, the number of steps of the linear warmup; 0 for none.
  public let warmupSteps: Int
  /// T, the number of all steps, including the warmup.
  public let trainingSteps: Int
  /// η_min, if it is given as a rate.
  public let minimumRate: Double?
  /// η_min / η₀, if it is given as a fraction of η₀.
  public let minimumRatio: Double?
  /// r, the rate at step 0 of the warmup as a fraction of η₀; nil for 1 / W.
  public let warmupStartRatio: Double?
  /// c, the number of waves between W and T; ½ falls once from η₀ to η_min.
  public let cycles: Double

  /// Creates a linear warmup that ends at the initial rate, followed by `cycles` waves down to `minimum`.
  ///
  /// - Throws: ``ScheduleError`` for a negative setting.
  public init(
    warmupSteps: some StepLength = 0, trainingSteps: Int, minimum: MinimumRate,
    warmupStartRatio: Double? = nil, cycles: Double = CosineSchedule.defaultCycles
  ) throws(ScheduleError) {
    self.warmupSteps = try warmupSteps.checkedSteps(of: trainingSteps, Self.name)
    try Self.requireNonNegative(["minimum": minimum.rate ?? minimum.ratio ?? 0])
    try Self.requireNonNegative(["warmupStartRatio": warmupStartRatio ?? 0])
    try Self.requireNonNegative(["cycles": cycles])
    self.trainingSteps = trainingSteps
    (minimumRate, minimumRatio) = (minimum.rate, minimum.ratio)
    self.warmupStartRatio = warmupStartRatio
    self.cycles = cycles
  }

  enum CodingKeys: String, CodingKey {
    case warmupSteps = "num_warmup_steps", trainingSteps = "num_training_steps"
    case warmupStartRatio = "warmup_lr_rate"
    case minimumRate = "min_lr", minimumRatio = "min_lr_rate", cycles = "num_cycles"
  }

  init(_ settings: KeyedDecodingContainer<CodingKeys>) throws {
    try self.init(
      warmupSteps: settings[.warmupSteps] as Int, trainingSteps: settings[.trainingSteps],
      minimum: MinimumRate(rate: settings[optional: .minimumRate], ratio: settings[optional: .minimumRatio]),
      warmupStartRatio: settings[optional: .warmupStartRatio],
      cycles: settings[.cycles])
  }

  /// Returns η₀ w(s) if s < W, or else f (η₀ − η_min) + η_min.
  public func rate(at step: Int, initialRate: Double) -> Double {
    guard step >= warmupSteps else { return initialRate * warmup(at: step) }
    let progress = decayProgress(at: step + 1, warmupSteps: warmupSteps, trainingSteps: trainingSteps)
    let minimumRate = minimumRate ?? initialRate * (minimumRatio ?? 0)
    return max(0, cosineWave(progress, cycles: cycles) * (initialRate - minimumRate) + minimumRate)
  }

  private func warmup(at step: Int) -> Double {
    guard let start = warmupStartRatio else { return Double(step + 1) / Double(max(1, warmupSteps)) }
    return start + (1 - start) * Double(step) / Double(max(1, warmupSteps - 1))
  }
}
