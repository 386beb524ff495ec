/// η(s) = (w(s / W)(1 − a) + a) η′(0) while s < W, then η′(s − W): a warmup before any schedule η′.
///
/// W = 10, a = 0, then REX over 80 steps:
///
///       1 ┤    ⢠⠋⠑⠒⠒⠢⠤⠤⢄⣀⣀⡀
///     0.8 ┤   ⢀⠇          ⠈⠉⠑⠒⠢⠤⠤⣀⣀
///     0.6 ┤  ⢀⠎                    ⠉⠉⠒⠤⠤⣀⡀
///     0.4 ┤  ⡜                           ⠈⠉⠒⠢⢄⣀
///     0.2 ┤ ⡜                                  ⠉⠒⠤⣀
///       0 ┤⡸                                       ⠉⠒⠤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀
///         └─────────────────────────────────────────────────────
///          0                     50                         step
///
/// - w: `shape`, a ``WarmupShape``
///
/// If η′ has a length, give it the length of the training without the warmup.
public struct WarmupSchedule: Schedule, CheckedSettings {
  @usableFromInline static let defaults = (startRatio: 0.0, shape: WarmupShape.linear)

  /// W, the length of the warmup; 0 for none.
  public let steps: Int
  /// a, the part of the first rate after the warmup that step 0 has.
  public let startRatio: Double
  /// w, how the warmup rises.
  public let shape: WarmupShape
  /// η′, the schedule after the warmup, which starts at its own step 0 there.
  public let schedule: AnyLearningRateSchedule

  /// Creates a warmup of `steps` steps, then `schedule`.
  ///
  /// - Throws: ``ScheduleError`` for a negative setting.
  public init(
    steps: Int, startRatio: Double = defaults.startRatio, shape: WarmupShape = defaults.shape,
    then schedule: some Schedule
  ) throws(ScheduleError) {
    try Self.requireCounts(["steps": steps])
    try Self.requireNonNegative(["startRatio": startRatio])
    self.steps = steps
    self.startRatio = startRatio
    self.shape = shape
    self.schedule = .byStep(schedule)
  }

  /// Creates a warmup of a part of `trainingSteps`, then the schedule that `schedule` makes for the rest.
  ///
  ///     try WarmupSchedule(steps: .fraction(0.1), of: 1_000) { try REXSchedule(trainingSteps: $0) }
  ///
  /// Throws ``ScheduleError``, or what `schedule` throws: untyped, as closures do not infer a typed error.
  public init(
    steps: some StepLength, of trainingSteps: Int, startRatio: Double = defaults.startRatio,
    shape: WarmupShape = defaults.shape, then schedule: (Int) throws -> some Schedule
  ) throws {
    let steps = try steps.steps(of: trainingSteps)
    try Self.requireCounts(["steps": steps])
    try Self.require(
      steps <= trainingSteps, "steps", steps, "must not be greater than trainingSteps, \(trainingSteps)")
    try self.init(steps: steps, startRatio: startRatio, shape: shape, then: schedule(trainingSteps - steps))
  }

  enum CodingKeys: String, CodingKey {
    case steps = "num_warmup_steps", startRatio = "start_factor", shape = "warmup_type", schedule
  }

  init(_ settings: KeyedDecodingContainer<CodingKeys>) throws {
    try self.init(
      steps: settings[.steps], startRatio: settings[.startRatio], shape: settings.choice(.shape),
      then: (settings[.schedule] as AnyLearningRateSchedule).byStep(in: Self.name, "schedule"))
  }

  /// (w(s / W)(1 − a) + a) η′(0) while s < W, then η′(s − W).
  public func rate(at step: Int, initialRate: Double) -> Double {
    guard step < steps else { return schedule.rate(at: step - steps, initialRate: initialRate) }
    let ramp = shape.value(at: Double(step) / Double(steps)) * (1 - startRatio) + startRatio
    return ramp * min(schedule.rate(at: 0, initialRate: initialRate), .greatestFiniteMagnitude)
  }

  /// Whether the schedule after the warmup does, or is constant: that is `LinearLR` of torch.
  public var multipliesCurrentRate: Bool {
    schedule.base is ConstantSchedule || (schedule.base as? any Schedule)?.multipliesCurrentRate == true
  }

  /// Checks the schedule after the warmup.
  public func check(initialRate: Double) throws(ScheduleError) {
    try schedule.check(initialRate: initialRate)
  }
}
