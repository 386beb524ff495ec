/// η(s) = ηᵢ(s − bᵢ) for bᵢ ≤ s < bᵢ₊₁: several schedules in sequence, each starting at its own step 0.
///
/// A linear schedule for 40 steps, then a cosine one for 60:
///
///       1 ┤    ⢠⠊⠢⢄             ⡏⠉⠉⠒⠒⠤⠤⣀⡀
///     0.8 ┤   ⢀⠇   ⠑⠢⡀          ⡇       ⠈⠑⠢⢄⡀
///     0.6 ┤  ⢀⠎      ⠈⠑⢄        ⡇           ⠈⠒⠤⡀
///     0.4 ┤  ⡜          ⠉⠢⣀⡀   ⢸               ⠈⠉⠒⠤⡀
///     0.2 ┤ ⡜              ⠈⠢⢄ ⢸                   ⠈⠑⠢⢄⡀
///       0 ┤⡸                  ⠑⠺                       ⠈⠉⠒⠒⠤⠤⣀⣀⣀
///         └─────────────────────────────────────────────────────
///          0        20        40         60        80       step
///
/// - bᵢ: b₀ = 0, followed by `boundaries`, the steps at which the next schedule takes over
///
/// Two equal boundaries skip the schedule between them. The last schedule has no end.
///
/// Source: `join_schedules` of optax, `SequentialLR` of torch.
public struct JoinedSchedule: Schedule {
  /// ηᵢ, the schedules, in order.
  public let schedules: [AnyLearningRateSchedule]
  /// The steps at which the second, third, … schedule starts.
  public let boundaries: [Int]

  private enum CodingKeys: CodingKey { case schedules, boundaries }
  private enum CountKeys: String, CodingKey {
    case warmupSteps = "num_warmup_steps", trainingSteps = "num_training_steps"
  }

  /// Creates a sequence of `schedules`. There is one boundary fewer than schedules: the start of each one after
  /// the first.
  ///
  /// - Throws: ``ScheduleError`` for another number of boundaries, and for boundaries that are negative or not
  ///   ascending.
  public init(_ schedules: [any Schedule], boundaries: [Int]) throws(ScheduleError) {
    try Self.check(boundaries, count: schedules.count)
    self.schedules = schedules.map { .byStep($0) }
    self.boundaries = boundaries
  }

  private static func check(_ boundaries: [Int], count: Int) throws(ScheduleError) {
    try Self.require(
      count > 0 && boundaries.count == count - 1, "boundaries", boundaries,
      "\(count) schedules need \(count - 1), and there must be at least one schedule")
    try Self.require(
      boundaries.first ?? 0 >= 0 && zip(boundaries, boundaries.dropFirst()).allSatisfy(<=), "boundaries",
      boundaries, "must be steps in ascending order, none of them negative")
    try Self.requireCounts(["boundaries": boundaries.last ?? 0])
  }

  /// Decodes the settings, and checks them as the public initializer does.
  ///
  /// Each schedule that is given by name gets the length up to the next boundary, or for the last one up to the
  /// end of the training. The first one also gets the warmup.
  public init(from decoder: any Decoder) throws {
    let settings = try decoder.container(keyedBy: CodingKeys.self)
    let boundaries: [Int] = try settings[.boundaries]
    let schedules: [AnyLearningRateSchedule]
    if let names = try? settings[.schedules] as [String] {
      try Self.check(boundaries, count: names.count)
      let starts = [0] + boundaries
      let counts = try decoder.container(keyedBy: CountKeys.self)
      let trainingSteps: Int = try counts[.trainingSteps]
      try Self.require(
        trainingSteps >= starts[starts.count - 1], "trainingSteps", trainingSteps,
        "must not be less than the last boundary, \(starts[starts.count - 1])")
      let ends = boundaries + [trainingSteps]
      let warmupSteps = try counts[optional: .warmupSteps] ?? 0
      schedules = try names.indices.map { index in
        try AnyLearningRateSchedule(
          named: names[index], warmupSteps: index == 0 ? warmupSteps : 0,
          trainingSteps: ends[index] - starts[index])
      }
    } else {
      schedules = try settings[.schedules]
    }
    try self.init(schedules.map { try $0.byStep(in: Self.name, "schedules") }, boundaries: boundaries)
  }

  /// Returns ηᵢ(s − bᵢ).
  public func rate(at step: Int, initialRate: Double) -> Double {
    let index = boundaries.prefix { $0 <= step }.count
    let start = index == 0 ? 0 : boundaries[index - 1]
    return schedules[index].rate(at: step - start, initialRate: initialRate)
  }

  /// Checks all schedules.
  public func check(initialRate: Double) throws(ScheduleError) {
    for schedule in schedules { try schedule.check(initialRate: initialRate) }
  }
}
