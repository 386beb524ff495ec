/// m(s) = (1 − x) / (1 − d x), x = s / T: a fall that stays above the straight line and is steep at its end.
///
/// T = 90, d = ½:
///
///       1 ┤⠉⠉⠒⠒⠒⠒⠢⠤⠤⢄⣀⣀⡀
///     0.8 ┤            ⠈⠉⠉⠑⠒⠒⠢⠤⠤⣀⣀⡀
///     0.6 ┤                       ⠈⠉⠑⠒⠒⠤⠤⣀⡀
///     0.4 ┤                               ⠈⠉⠑⠒⠤⢄⣀⡀
///     0.2 ┤                                      ⠈⠉⠒⠤⢄⡀
///       0 ┤                                           ⠈⠑⠢⠤⣀⣀⣀⣀⣀⣀
///         └─────────────────────────────────────────────────────
///          0        20        40         60        80       step
///
/// - s: step, from 0
/// - T: `trainingSteps`; the rate is 0 at s = T and after
/// - d: `delay`, from 0, which is the straight line, to below 1; the paper has ½
///
/// With T = 0 it is 0 at every step.
///
/// Source: Chen, Wolfe and Kyrillidis, "REX: Revisiting Budgeted Training with an Improved Schedule"
/// (arXiv 2107.04197), where it is (1 − x) / (½ + ½(1 − x)).
public struct REXSchedule: MultiplierSchedule {
  /// `rex`.
  public static let kind = "rex"
  @usableFromInline static let defaultDelay = 0.5

  /// T, all steps of the training.
  public let trainingSteps: Int
  /// d, how far the fall is put off.
  public let delay: Double

  /// A fall from the initial rate to 0 at `trainingSteps`.
  ///
  /// - Throws: ``ScheduleError`` for a negative count and a delay outside of 0 ..< 1.
  public init(trainingSteps: Int, delay: Double = defaultDelay) throws(ScheduleError) {
    try ScheduleError.requireCount(trainingSteps, Self.kind, "trainingSteps")
    try ScheduleError.require((0..<1).contains(delay), Self.kind, "delay", delay, "must be from 0 to below 1")
    self.trainingSteps = trainingSteps
    self.delay = delay
  }

  /// Decodes the settings, and refuses those that the initializer would: `DecodingError`, ``ScheduleError``.
  public init(from decoder: any Decoder) throws {
    let settings = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      trainingSteps: settings.decode(Int.self, forKey: .trainingSteps),
      delay: settings.decode(Double.self, forKey: .delay))
  }

  /// (1 − x) / (1 − d x).
  public func multiplier(at step: Int) -> Double {
    guard step < trainingSteps else { return 0 }
    let progress = Double(step) / Double(trainingSteps)
    return (1 - progress) / (1 - delay * progress)
  }
}
