/// m(s) = s / W while s < W, then max(0, (T − s) / max(1, T − W)).
///
/// W = 10, T = 90:
///
///       1 ┤    ⢠⠛⠒⠢⠤⣀⣀
///     0.8 ┤   ⢀⠇      ⠉⠑⠒⠢⠤⣀⡀
///     0.6 ┤  ⢀⠎             ⠈⠉⠒⠒⠤⢄⣀
///     0.4 ┤  ⡜                     ⠉⠉⠒⠤⠤⣀⡀
///     0.2 ┤ ⡜                            ⠈⠉⠑⠒⠤⠤⣀⡀
///       0 ┤⡸                                    ⠉⠉⠒⠢⠤⢄⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀
///         └─────────────────────────────────────────────────────
///          0                     50                         step
///
/// - s: step, from 0
/// - W: `warmupSteps`, the steps of the linear warm-up; 0 for none
/// - T: `trainingSteps`, all steps, those of the warm-up included
///
/// It is 0 at s = T and stays so. Where W ≥ T, it is 0 as soon as the warm-up is over.
///
/// Source: `linear` of transformers.
public struct LinearSchedule: MultiplierSchedule {
  /// `linear`.
  public static let kind = "linear"

  /// W, the steps of the linear warm-up.
  public let warmupSteps: Int
  /// T, all steps of the training.
  public let trainingSteps: Int

  /// A linear warm-up to the initial rate, then a straight line to 0 at `trainingSteps`.
  ///
  /// - Throws: ``ScheduleError`` for a negative count.
  public init(warmupSteps: some StepLength = 0, trainingSteps: Int) throws(ScheduleError) {
    self.warmupSteps = try warmupSteps.checkedSteps(of: trainingSteps, Self.kind)
    self.trainingSteps = trainingSteps
  }

  /// Decodes the settings, and refuses those that the initializer would: `DecodingError`, ``ScheduleError``.
  public init(from decoder: any Decoder) throws {
    let settings = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      warmupSteps: settings.decode(Int.self, forKey: .warmupSteps),
      trainingSteps: settings.decode(Int.self, forKey: .trainingSteps))
  }

  /// s / W while s < W, then max(0, (T − s) / max(1, T − W)).
  public func multiplier(at step: Int) -> Double {
    linearWarmup(at: step, warmupSteps: warmupSteps)
      ?? max(0, Double(trainingSteps - step) / Double(max(1, trainingSteps - warmupSteps)))
  }
}
