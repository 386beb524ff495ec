import RealModule

/// η(s) = η₀ s / W while s < W, then (η₀ − η_end)(1 − (s − W) / (T − W))^k + η_end while s < T, then η_end.
///
/// With η₀ = 1, W = 10, T = 90, η_end = 0.1, k = 2:
///
/// ![The learning rate over the steps](polynomial)
///
/// If W ≥ T, no steps remain for the decay, and the rate is η_end from s = W on. Transformers divides by zero
/// at s = W = T. Each group decays from its own η₀. Transformers computes one multiplier from the optimizer's
/// default rate, so a group with another rate ends at η_end · η₀ / default there. η_end must be below every
/// group's η₀.
///
/// Source: `polynomial` of transformers, as in fairseq and BERT.
public struct PolynomialSchedule: Schedule, CheckedSettings {
  @usableFromInline static let defaults = (endRate: 1e-7, power: 1.0)

  /// W, the number of steps of the linear warmup; 0 for none.
  public let warmupSteps: Int
  /// T, the number of all steps, including the warmup.
  public let trainingSteps: Int
  /// η_end, the rate from T on: a rate rather than a ratio.
  public let endRate: Double
  /// k, the exponent of the decay.
  public let power: Double

  /// Creates a linear warmup, followed by a decay with the exponent `power` to `endRate` at `trainingSteps`.
  ///
  /// - Throws: ``ScheduleError`` for a negative count or end rate, and for a power that is not above 0.
  public init(
    warmupSteps: some StepLength = 0, trainingSteps: Int, endRate: Double = defaults.endRate,
    power: Double = defaults.power
  ) throws(ScheduleError) {
    self.warmupSteps = try warmupSteps.checkedSteps(of: trainingSteps, Self.name)
    try Self.requireNonNegative(["endRate": endRate])
    try Self.requirePositive(["power": power])
    self.trainingSteps = trainingSteps
    self.endRate = endRate
    self.power = power
  }

  enum CodingKeys: String, CodingKey {
    case warmupSteps = "num_warmup_steps", trainingSteps = "num_training_steps", endRate = "lr_end", power
  }

  init(_ settings: KeyedDecodingContainer<CodingKeys>) throws {
    try self.init(
      warmupSteps: settings[.warmupSteps] as Int, trainingSteps: settings[.trainingSteps],
      endRate: settings[.endRate], power: settings[.power])
  }

  /// Returns the formula of this schedule.
  public func rate(at step: Int, initialRate: Double) -> Double {
    if let warmup = linearWarmup(at: step, warmupSteps: warmupSteps) { return initialRate * warmup }
    guard step < trainingSteps else { return endRate }
    let remaining = 1 - Double(step - warmupSteps) / Double(trainingSteps - warmupSteps)
    return (initialRate - endRate) * .pow(remaining, power) + endRate
  }

  /// Throws an error unless η_end < η₀.
  public func check(initialRate: Double) throws(ScheduleError) {
    guard endRate < initialRate else {
      throw .endRateNotBelowInitial(endRate: endRate, initialRate: initialRate)
    }
  }
}
