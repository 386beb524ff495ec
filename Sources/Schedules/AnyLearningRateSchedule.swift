/// A learning-rate schedule of any type, driven by the step or by a metric.
///
/// A schedule of this module is saved with its name and its settings, which have the names of the arguments
/// of transformers and torch. The progress of a metric-driven schedule follows them:
///
///     {"name": "cosine", "num_warmup_steps": 10, "num_training_steps": 100, "num_cycles": 0.5}
///
/// Your own type is saved as `{"name": …, "settings": …}`. To decode it, list the type in the decoder's
/// `userInfo` under ``Swift/CodingUserInfoKey/scheduleTypes``.
public enum AnyLearningRateSchedule: Sendable {
  /// A schedule that computes the rate from the step.
  case byStep(any Schedule)
  /// A schedule that adapts the rate to a metric.
  case byMetric(any MetricSchedule)

  /// Erases the type of `schedule`.
  ///
  /// - Precondition: the type conforms to ``Schedule`` or to ``MetricSchedule``.
  public init(_ schedule: any LearningRateSchedule) {
    switch schedule {
    case let schedule as any Schedule: self = .byStep(schedule)
    case let schedule as any MetricSchedule: self = .byMetric(schedule)
    default: fatalError("\(type(of: schedule)) conforms neither to Schedule nor to MetricSchedule")
    }
  }

  /// The schedule without type erasure.
  public var base: any LearningRateSchedule {
    switch self {
    case .byStep(let schedule): schedule
    case .byMetric(let schedule): schedule
    }
  }

  /// The name that the schedule is saved under.
  public var name: String { type(of: base).name }

  /// Returns the rate of a part of another schedule, which a metric never drives.
  func rate(at step: Int, initialRate: Double) -> Double {
    guard case .byStep(let schedule) = self else { fatalError("\(name) is driven by a metric") }
    return schedule.rate(at: step, initialRate: initialRate)
  }

  func check(initialRate: Double) throws(ScheduleError) {
    if case .byStep(let schedule) = self { try schedule.check(initialRate: initialRate) }
  }

  /// Returns the schedule as a part of another schedule, which a metric cannot drive.
  func byStep(in schedule: String, _ setting: String) throws(ScheduleError) -> any Schedule {
    if case .byStep(let base) = self { return base }
    throw .invalidSetting(
      schedule: schedule, setting: setting, value: name,
      requirement: "a schedule that follows a metric cannot be joined")
  }

  /// The schedule without its progress.
  var settings: any LearningRateSchedule {
    if case .byMetric(let schedule) = self { schedule.unstarted } else { base }
  }

  /// Checks that the schedule fits groups with these initial rates, and starts it with them.
  mutating func start(rates: [Double]) throws(ScheduleError) {
    switch self {
    case .byStep(let schedule): for rate in rates { try schedule.check(initialRate: rate) }
    case .byMetric(var schedule):
      try schedule.start(rates: rates)
      self = .byMetric(schedule)
    }
  }

  /// Returns the rate of each group that the schedule was started with.
  func rates(at step: Int, initialRates: [Double]) -> [Double] {
    switch self {
    case .byStep(let schedule): initialRates.map { schedule.rate(at: step, initialRate: $0) }
    case .byMetric(let schedule): schedule.rates
    }
  }

  /// Returns the rate at `step` of a group that had the rate `current` at the previous step. The first step is 0.
  func rate(at step: Int, initialRate: Double, current: Double) -> Double {
    guard case .byStep(let schedule) = self else { return current }
    // A rate that grows without bound stops at the largest finite number, because optimizers refuse infinity.
    func formula(_ step: Int) -> Double {
      min(schedule.rate(at: step, initialRate: initialRate), .greatestFiniteMagnitude)
    }
    let rate = formula(step)
    guard schedule.multipliesCurrentRate else { return rate }
    let before = step == 0 ? initialRate : formula(step - 1)
    // If other code hasn't changed the rate, use the formula itself, so that rounding errors don't accumulate.
    if current == before || before == 0 || Self.startsAnew(at: step, current) { return rate }
    return min(current * (rate / before), .greatestFiniteMagnitude)
  }

  /// Whether a group takes the schedule's own rate at its first step, because a product would stay at 0. This is the case
  /// if another schedule ended at 0 and nothing has raised the rate since.
  static func startsAnew(at step: Int, _ current: Double) -> Bool { step == 1 && current == 0 }
}

extension AnyLearningRateSchedule: Equatable {
  /// Returns whether both have the same type and are equal, including their progress.
  public static func == (left: Self, right: Self) -> Bool {
    func equals<Base: Equatable>(_ base: Base) -> Bool { base == right.base as? Base }
    return equals(left.base)
  }
}

extension AnyLearningRateSchedule: CustomReflectable {
  /// The mirror of the schedule, so that descriptions of differences don't include the enumeration case.
  public var customMirror: Mirror { Mirror(reflecting: base) }
}

extension AnyLearningRateSchedule: Codable {
  private enum CodingKeys: CodingKey { case name, settings }

  /// Decodes a schedule of a known type, and checks its settings as the type's initializer does.
  public init(from decoder: any Decoder) throws {
    if let saved = try SavedBefore1.schedule(from: decoder) {
      self = saved
      return
    }
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let name: String = try container[.name]
    if container.contains(.settings) {
      self = try Self(own: name, from: container.superDecoder(forKey: .settings))
    } else if let entry = ScheduleCatalog.restorable.first(where: { $0.name == name }) {
      self = try entry.decode(decoder)
    } else {
      throw ScheduleError.unknownType(name)
    }
  }

  /// Decodes a schedule of a type listed in the decoder's `userInfo`.
  init(own name: String, from settings: any Decoder) throws {
    let types = settings.userInfo[.scheduleTypes] as? [any LearningRateSchedule.Type] ?? []
    guard let type = types.first(where: { $0.name == name }) else { throw ScheduleError.unknownType(name) }
    self.init(try type.init(from: settings))
  }

  /// Encodes the name, the settings and the progress.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    let isOwn = ScheduleCatalog.names[ObjectIdentifier(type(of: base))] == nil
    try base.encode(to: isOwn ? container.superEncoder(forKey: .settings) : encoder)
  }
}

extension CodingUserInfoKey {
  /// The key for a decoder's list of schedule types from outside this module: `[any LearningRateSchedule.Type]`.
  public static let scheduleTypes = CodingUserInfoKey(rawValue: "Schedules.scheduleTypes")!
}
