/// η(s) = ηᵢ(s − bᵢ) for bᵢ ≤ s < bᵢ₊₁: one schedule after the other, each beginning at its own step 0.
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
/// - s: step, from 0
/// - ηᵢ: `schedules`
/// - bᵢ: b₀ = 0 and then `boundaries`, the steps at which the next schedule takes over
///
/// Two equal boundaries leave the schedule between them out. The last schedule has no end.
///
/// Source: `join_schedules` of optax, `SequentialLR` of torch.
public struct JoinedSchedule: Schedule {
  /// `joined`.
  public static let kind = "joined"

  /// The schedules, in order.
  public let schedules: [AnySchedule]
  /// The steps at which the second, third, … schedule begins.
  public let boundaries: [Int]

  /// `schedules` in order, each from its boundary on; there is one boundary fewer than schedules.
  ///
  /// - Throws: ``ScheduleError`` for another number of boundaries, and boundaries that are negative or fall.
  public init(_ schedules: [any Schedule], boundaries: [Int]) throws(ScheduleError) {
    try ScheduleError.require(
      !schedules.isEmpty && boundaries.count == schedules.count - 1, Self.kind, "boundaries", boundaries,
      "there must be one fewer than schedules, which are \(schedules.count), and one schedule at least"
    )
    try ScheduleError.require(
      boundaries.first ?? 0 >= 0 && zip(boundaries, boundaries.dropFirst()).allSatisfy(<=),
      Self.kind, "boundaries", boundaries, "must be steps in rising order, none negative")
    self.schedules = schedules.map { AnySchedule($0) }
    self.boundaries = boundaries
  }

  /// Decodes the settings, and refuses those that the initializer would: `DecodingError`, ``ScheduleError``.
  public init(from decoder: any Decoder) throws {
    let settings = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      settings.decode([AnySchedule].self, forKey: .schedules),
      boundaries: settings.decode([Int].self, forKey: .boundaries))
  }

  /// ηᵢ(s − bᵢ).
  public func rate(at step: Int, initialRate: Double) -> Double {
    let index = boundaries.prefix { $0 <= step }.count
    let start = index == 0 ? 0 : boundaries[index - 1]
    return schedules[index].rate(at: step - start, initialRate: initialRate)
  }

  /// Checks every schedule.
  public func check(initialRate: Double) throws(ScheduleError) {
    for schedule in schedules { try schedule.check(initialRate: initialRate) }
  }
}
