/// η(s) = (w(s / W)(1 − a) + a) η′(0) if s < W, then η′(s − W): a warmup before any schedule η′.
///
/// With W = 10, a = 0, then REX over 80 steps:
///
/// ![The learning rate over the steps](rex)
///
/// - w: `shape`, a ``WarmupShape``
///
/// If η′ has a length, pass it the length of the training without the warmup.
public struct WarmupSchedule: Schedule, CheckedSettings {
  @usableFromInline static let defaults = (startRatio: 0.0, shape: WarmupShape.linear)

  /// W, the length of the warmup; 0 for none.
  public let steps: Int
  /// a, the rate at step 0 as a fraction of the first rate after the warmup.
  public let startRatio: Double
  /// w, the shape of the warmup.
  public let shape: WarmupShape
  /// η′, the schedule after the warmup. It starts at its own step 0.
  public let schedule: AnyLearningRateSchedule

  /// Creates a warmup of `steps` steps, followed by `schedule`.
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

  /// Creates a warmup over a fraction of `trainingSteps`, followed by the schedule that `schedule` creates for
  /// the rest.
  ///
  ///     try WarmupSchedule(steps: .fraction(0.1), of: 1_000) {
  ///       try REXSchedule(trainingSteps: $0)
  ///     }
  ///
  /// - Throws: ``ScheduleError``, or any error that `schedule` throws. Untyped, because closures do not infer a
  ///   typed error.
  public init(
    steps: some StepLength, of trainingSteps: Int, startRatio: Double = defaults.startRatio,
    shape: WarmupShape = defaults.shape, then schedule: (Int) throws -> some Schedule
  ) throws {
    let steps = try steps.steps(of: trainingSteps)
    try Self.requireCounts(["steps": steps])
    try Self.require(
      steps <= trainingSteps, "steps", steps, "must be at most trainingSteps, \(trainingSteps)")
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

  /// Returns (w(s / W)(1 − a) + a) η′(0) if s < W, or else η′(s − W).
  public func rate(at step: Int, initialRate: Double) -> Double {
    guard step < steps else { return schedule.rate(at: step - steps, initialRate: initialRate) }
    let ramp = shape.value(at: Double(step) / Double(steps)) * (1 - startRatio) + startRatio
    return ramp * min(schedule.rate(at: 0, initialRate: initialRate), .greatestFiniteMagnitude)
  }

  /// Whether the schedule after the warmup multiplies the current rate, or is constant, which is torch's
  /// `LinearLR`.
  public var multipliesCurrentRate: Bool {
    schedule.base is ConstantSchedule || (schedule.base as? any Schedule)?.multipliesCurrentRate == true
  }

  /// Checks the schedule after the warmup.
  public func check(initialRate: Double) throws(ScheduleError) {
    try schedule.check(initialRate: initialRate)
  }
}
