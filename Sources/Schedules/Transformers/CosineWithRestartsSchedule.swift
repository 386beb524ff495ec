import RealModule

/// m(s) = s / W while s < W, then ½(1 + cos(π ((c p) mod 1))) while p < 1, then 0,
/// with p = (s − W) / max(1, T − W).
///
/// With W = 10, T = 90, c = 3:
///
/// ![The learning rate over the steps](cosine_with_restarts)
///
/// - p: the completed fraction of the decay
///
/// It jumps back to 1 at each restart and is 0 from s = T on. If c is not a whole number, the last fall is cut
/// off at T. If W ≥ T, it is 1 at s = W, because p is 0 there, and 0 after that.
///
/// Source: `cosine_with_restarts` of transformers; Loshchilov and Hutter, "SGDR" (arXiv 1608.03983).
/// For cycles of growing length see ``CosineWarmRestartsSchedule``.
public struct CosineWithRestartsSchedule: MultiplierSchedule, CheckedSettings {
  /// One fall without a restart.
  @usableFromInline static let defaultCycles = 1.0

  /// W, the number of steps of the linear warmup; 0 for none.
  public let warmupSteps: Int
  /// T, the number of all steps, including the warmup.
  public let trainingSteps: Int
  /// c, the number of falls from 1 to 0 between W and T, all of the same length.
  public let cycles: Double

  /// Creates a linear warmup to the initial rate, followed by `cycles` falls to 0 until `trainingSteps`.
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

  /// Returns s / W if s < W, or ½(1 + cos(π ((c p) mod 1))) if p < 1, or else 0.
  public func multiplier(at step: Int) -> Double {
    if let warmup = linearWarmup(at: step, warmupSteps: warmupSteps) { return warmup }
    let progress = decayProgress(at: step, warmupSteps: warmupSteps, trainingSteps: trainingSteps)
    guard progress < 1 else { return 0 }
    return max(0, 0.5 * (1 + .cos(.pi * (cycles * progress).truncatingRemainder(dividingBy: 1))))
  }
}
