/// m(s) rises from r to 1 over W steps, stays at 1 for S steps, falls to r over D steps, and stays at r.
///
/// With W = 10, S = 50, D = 30, r = 0, a linear warmup and a cosine decay:
///
/// ![The learning rate over the steps](warmup_stable_decay)
///
///     s < W            w(s / W)(1 − r) + r
///     s < W + S        1
///     s < W + S + D    d((s − W − S) / D)
///     after            r
///
/// - w: `warmupShape`, a ``WarmupShape``
/// - d: `decayShape`, a ``DecayShape``, which ends at r
///
/// Because only the end depends on the length of the training, one stable phase can serve decays of several
/// lengths. A cosine decay with a number of cycles that does not end at r jumps to r when the decay ends.
///
/// If the training steps are given, S = T − W − D. If that is negative, transformers starts with a jump to the
/// middle of the decay. Here it is an error. A negative r, which gives a negative rate in transformers, is an
/// error too.
///
/// Source: `warmup_stable_decay` of transformers; Hu et al., "MiniCPM" (arXiv 2404.06395). Transformers doesn't
/// have the power and exponential decays.
public struct WarmupStableDecaySchedule: MultiplierSchedule {
  @usableFromInline static let defaults = (
    warmupShape: WarmupShape.linear, decayShape: DecayShape.cosine(), minimumRatio: 0.0
  )

  /// W, the number of steps of the warmup.
  public let warmupSteps: Int
  /// S, the number of steps at the initial rate.
  public let stableSteps: Int
  /// D, the number of steps of the decay.
  public let decaySteps: Int
  /// w, the shape of the warmup.
  public let warmupShape: WarmupShape
  /// d, the shape of the decay.
  public let decayShape: DecayShape
  /// r, the rate at the start and at the end as a fraction of the initial rate.
  public let minimumRatio: Double

  /// Creates a schedule of W + S + D steps.
  ///
  /// - Throws: ``ScheduleError`` for a negative setting, and for a decay that its shape does not define.
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

  /// Creates a schedule of T = `trainingSteps` steps. It is stable for the steps that remain after warmup and
  /// decay.
  ///
  /// - Throws: ``ScheduleError`` as the other initializer, or if warmup and decay are longer than the training.
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
      "must include the warmup (\(warmupSteps)) and the decay (\(decaySteps)): increase it or decrease those"
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

  /// Decodes the settings, and checks them as the other initializers do. If both training steps and stable
  /// steps are given, the stable steps take precedence, as in transformers.
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

  /// Returns the value of the current phase: warmup, 1, decay or r.
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
