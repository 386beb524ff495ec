/// m(s) = s / W while s < W, then 1.
///
/// W = 10:
///
///       1 ┤    ⢠⠊⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉
///     0.8 ┤   ⢀⠇
///     0.6 ┤  ⢀⠎
///     0.4 ┤  ⡜
///     0.2 ┤ ⡜
///       0 ┤⡸
///         └─────────────────────────────────────────────────────
///          0        20        40         60        80       step
///
/// - s: step, from 0
/// - W: `warmupSteps`, the steps of the linear warm-up; 0 for none
///
/// Step 0 of a warm-up has the rate 0: that optimizer step changes nothing. W = 1 is one such step.
///
/// Source: `constant_with_warmup` of transformers.
public struct ConstantWithWarmupSchedule: MultiplierSchedule {
  /// `constant_with_warmup`.
  public static let kind = "constant_with_warmup"

  /// W, the steps of the linear warm-up.
  public let warmupSteps: Int

  /// A linear warm-up to the initial rate, which then stays.
  ///
  /// - Throws: ``ScheduleError`` for a negative count.
  public init(warmupSteps: Int) throws(ScheduleError) {
    try ScheduleError.requireCount(warmupSteps, Self.kind, "warmupSteps")
    self.warmupSteps = warmupSteps
  }

  /// Decodes the settings, and refuses those that the initializer would: `DecodingError`, ``ScheduleError``.
  public init(from decoder: any Decoder) throws {
    let settings = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(warmupSteps: settings.decode(Int.self, forKey: .warmupSteps))
  }

  /// s / W while s < W, then 1.
  public func multiplier(at step: Int) -> Double {
    linearWarmup(at: step, warmupSteps: warmupSteps) ?? 1
  }
}
