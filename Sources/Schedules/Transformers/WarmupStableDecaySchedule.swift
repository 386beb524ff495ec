/// m(s) rises from r to 1 over W steps, stays at 1 for S, falls to r over D, and stays at r.
///
/// W = 10, S = 50, D = 30, r = 0, a linear warmup and a cosine decay:
///
///       1 ┤    ⢠⠋⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠒⠤⡀
///     0.8 ┤   ⢀⠇                           ⠈⠢⡀
///     0.6 ┤  ⢀⠎                              ⠈⠢⡀
///     0.4 ┤  ⡜                                 ⠑⡄
///     0.2 ┤ ⡜                                   ⠈⠢⡀
///       0 ┤⡸                                      ⠈⠒⠤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀
///         └─────────────────────────────────────────────────────
///          0                     50                         step
///
///     s < W            w(s / W)(1 − r) + r
///     s < W + S        1
///     s < W + S + D    d((s − W − S) / D)
///     after            r
///
/// - w: `warmupShape`, a ``WarmupShape``
/// - d: `decayShape`, a ``DecayShape``, which ends at r
///
/// As only the end depends on the length of the training, one stable phase can serve decays of several
/// lengths. A cosine decay with a number of cycles that does not end at r jumps there when the decay is over.
///
/// With the training steps given, S = T − W − D. If that is negative, transformers starts in the midst of
/// the decay with a jump; here it is an error. A negative r, which leaves a negative rate there, is one too.
///
/// Source: `warmup_stable_decay` of transformers; Hu et al., "MiniCPM" (arXiv 2404.06395). The power and the
/// exponential decay are not in transformers.
public struct WarmupStableDecaySchedule: MultiplierSchedule {
  @usableFromInline static let defaults = (
    warmupShape: WarmupShape.linear, decayShape: DecayShape.cosine(), minimumRatio: 0.0
  )

  /// W, the steps of the warmup.
  public let warmupSteps: Int
  /// S, the steps at the initial rate.
  public let stableSteps: Int
  /// D, the steps of the decay.
  public let decaySteps: Int
  /// w, how the warmup rises.
  public let warmupShape: WarmupShape
  /// d, how the decay falls.
  public let decayShape: DecayShape
  /// r, the part of the initial rate where the schedule starts and ends.
  public let minimumRatio: Double

  /// Creates a schedule of W + S + D steps.
  ///
  /// - Throws: ``ScheduleError`` for a negative setting, and a decay that its shape does not define.
  public init(
    warmupSteps: Int, stableSteps: Int, decaySteps: Int, warmupShape: WarmupShape = defaults.warmupShape,
    decayShape: DecayShape = defaults.decayShape, minimumRatio: Double = defaults.minimumRatio
  ) throws(ScheduleError) {
    try Self.requireCounts(["warmupSteps": warmupSteps, "stableSteps": stableSteps, "decaySteps": decaySteps])
    try Self.requireNonNegative(["minimumRatio": minimumRatio])
    try decayShape.check(floor: minimumRatio)
    self.warmupSteps = warmupSteps
    self.stableSteps = stableSteps
    self.decaySteps = decaySteps
    self.warmupShape = warmupShape
    self.decayShape = decayShape
    self.minimumRatio = minimumRatio
  }

  /// Creates a schedule of T = `trainingSteps` steps, stable for the steps that warmup and decay leave.
  ///
  /// - Throws: ``ScheduleError`` for the same, or if warmup and decay are longer than the training.
  public init(
    warmupSteps: some StepLength = 0, decaySteps: some StepLength, trainingSteps: Int,
    warmupShape: WarmupShape = defaults.warmupShape, decayShape: DecayShape = defaults.decayShape,
    minimumRatio: Double = defaults.minimumRatio
  ) throws(ScheduleError) {
    let warmupSteps = try warmupSteps.steps(of: trainingSteps)
    let decaySteps = try decaySteps.steps(of: trainingSteps)
    try Self.requireCounts(["warmupSteps": warmupSteps, "decaySteps": decaySteps])
    try Self.require(
      trainingSteps >= warmupSteps + decaySteps, "trainingSteps", trainingSteps,
      "must hold the warmup (\(warmupSteps)) and the decay (\(decaySteps)): make it greater or those shorter"
    )
    try self.init(
      warmupSteps: warmupSteps, stableSteps: trainingSteps - warmupSteps - decaySteps, decaySteps: decaySteps,
      warmupShape: warmupShape, decayShape: decayShape, minimumRatio: minimumRatio)
  }

  private enum CodingKeys: String, CodingKey {
    case warmupSteps = "num_warmup_steps", trainingSteps = "num_training_steps"
    case stableSteps = "num_stable_steps", decaySteps = "num_decay_steps"
    case warmupShape = "warmup_type", minimumRatio = "min_lr_ratio"
  }

  /// Decodes the settings, and checks them as the other initializers do. If both training and stable steps are
  /// given, the stable ones win, as in transformers.
  public init(from decoder: any Decoder) throws {
    let settings = try decoder.container(keyedBy: CodingKeys.self)
    let (warmupSteps, decaySteps): (Int, Int) = (try settings[.warmupSteps], try settings[.decaySteps])
    let stableSteps: Int? = try settings[optional: .stableSteps]
    let trainingSteps: Int? = try settings[optional: .trainingSteps]
    if stableSteps == nil && trainingSteps == nil { throw ScheduleError.noStableSteps }
    try self.init(
      warmupSteps: warmupSteps,
      stableSteps: stableSteps
        ?? Self(warmupSteps: warmupSteps, decaySteps: decaySteps, trainingSteps: trainingSteps ?? 0)
        .stableSteps,
      decaySteps: decaySteps, warmupShape: settings.choice(.warmupShape),
      decayShape: DecayShape(from: decoder), minimumRatio: settings[.minimumRatio])
  }

  /// Encodes the settings.
  public func encode(to encoder: any Encoder) throws {
    var settings = encoder.container(keyedBy: CodingKeys.self)
    try settings.encode(warmupSteps, forKey: .warmupSteps)
    try settings.encode(stableSteps, forKey: .stableSteps)
    try settings.encode(decaySteps, forKey: .decaySteps)
    try settings.encode(warmupShape, forKey: .warmupShape)
    try decayShape.encode(to: encoder)
    try settings.encode(minimumRatio, forKey: .minimumRatio)
  }

  /// Warmup, 1, decay or r, after the step's phase.
  public func multiplier(at step: Int) -> Double {
    if step < warmupSteps {
      return warmupShape.value(at: Double(step) / Double(warmupSteps)) * (1 - minimumRatio) + minimumRatio
    }
    let decayed = step - warmupSteps - stableSteps
    if decayed < 0 { return 1 }
    if decayed < decaySteps {
      return decayShape.value(at: Double(decayed) / Double(decaySteps), floor: minimumRatio)
    }
    return minimumRatio
  }
}
