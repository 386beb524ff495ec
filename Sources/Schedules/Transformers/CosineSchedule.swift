import RealModule

/// m(s) = s / W while s < W, then max(0, ½(1 + cos(2π c p))), p = (s − W) / max(1, T − W).
///
/// With W = 10, T = 90:
///
/// ![The learning rate over the steps](cosine)
///
/// - p: the completed fraction of the decay
///
/// With c = ½, it is 0 at s = T **and rises again after that**, because the wave continues. Stop training
/// there, or follow it with another schedule (``JoinedSchedule``).
///
/// Source: `cosine` of transformers; without restarts of Loshchilov and Hutter, "SGDR" (arXiv 1608.03983).
public struct CosineSchedule: MultiplierSchedule, CheckedSettings {
  /// Half a wave, which is one fall from 1 to 0.
  @usableFromInline static let defaultCycles = 0.5

  /// W, the number of steps of the linear warmup; 0 for none.
  public let warmupSteps: Int
  /// T, the number of all steps, including the warmup.
  public let trainingSteps: Int
  /// c, the number of waves between W and T; ½ falls once from 1 to 0.
  public let cycles: Double

  /// Creates a linear warmup to the initial rate, followed by `cycles` waves until `trainingSteps`.
  ///
  /// - Throws: ``ScheduleError`` for a negative count, and for negative cycles.
  public init(
    warmupSteps: some StepLength = 0, trainingSteps: Int, cycles: Double = defaultCycles
  ) throws(ScheduleError) {
    self.warmupSteps = try warmupSteps.checkedSteps(of: trainingSteps, Self.name)
    try Self.requireNonNegative(["cycles": cycles])
    self.trainingSteps = trainingSteps
    self.cycles = cycles
  }

  enum CodingKeys: String, CodingKey {
    case warmupSteps = "num_warmup_steps", trainingSteps = "num_training_steps", cycles = "num_cycles"
  }

  init(_ settings: KeyedDecodingContainer<CodingKeys>) throws {
    try self.init(
      warmupSteps: settings[.warmupSteps] as Int, trainingSteps: settings[.trainingSteps],
      cycles: settings[.cycles])
  }

  /// Returns s / W if s < W, or else max(0, ½(1 + cos(2π c p))).
  public func multiplier(at step: Int) -> Double {
    if let warmup = linearWarmup(at: step, warmupSteps: warmupSteps) { return warmup }
    let progress = decayProgress(at: step, warmupSteps: warmupSteps, trainingSteps: trainingSteps)
    return max(0, cosineWave(progress, cycles: cycles))
  }
}

/// Returns ½(1 + cos(2π c p)).
///
/// Near its zeros, the value has lost most of its digits, and another order of the factors would give other
/// digits. This is the order of transformers.
func cosineWave(_ progress: Double, cycles: Double) -> Double {
  0.5 * (1 + .cos(.pi * cycles * 2 * progress))
}
