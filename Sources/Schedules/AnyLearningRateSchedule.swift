/// A learning-rate schedule of any type, driven by the step or by a metric.
///
/// A schedule of this module is saved with its name among its settings, which have the names of the arguments
/// of transformers and torch; the progress of a metric-driven schedule follows them:
///
///     {"name": "cosine", "num_warmup_steps": 10, "num_training_steps": 100, "num_cycles": 0.5}
///
/// A type of your own is saved as `{"name": …, "settings": …}`. To decode it, list the type in the decoder's
/// `userInfo` under ``Swift/CodingUserInfoKey/scheduleTypes``.
public enum AnyLearningRateSchedule: Sendable {
  /// A schedule whose rate is a function of the step.
  case byStep(any Schedule)
  /// A schedule whose rate follows a metric.
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

  /// The schedule itself.
  public var base: any LearningRateSchedule {
    switch self {
    case .byStep(let schedule): schedule
    case .byMetric(let schedule): schedule
    }
  }

  /// The name under which the schedule is saved.
  public var name: String { type(of: base).name }

  /// The rate of a part of another schedule, which is never driven by a metric.
  func rate(at step: Int, initialRate: Double) -> Double {
    guard case .byStep(let schedule) = self else { fatalError("\(name) is driven by a metric") }
    return schedule.rate(at: step, initialRate: initialRate)
  }

  func check(initialRate: Double) throws(ScheduleError) {
    if case .byStep(let schedule) = self { try schedule.check(initialRate: initialRate) }
  }

  /// The schedule as a part of another one, which a metric cannot drive.
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

  /// Checks that the schedule suits groups of these initial rates, and starts it with them.
  mutating func start(rates: [Double]) throws(ScheduleError) {
    switch self {
    case .byStep(let schedule): for rate in rates { try schedule.check(initialRate: rate) }
    case .byMetric(var schedule):
      try schedule.start(rates: rates)
      self = .byMetric(schedule)
    }
  }

  /// The rate of each group that the schedule was started with.
  func rates(at step: Int, initialRates: [Double]) -> [Double] {
    switch self {
    case .byStep(let schedule): initialRates.map { schedule.rate(at: step, initialRate: $0) }
    case .byMetric(let schedule): schedule.rates
    }
  }

  /// The rate at `step` of a group that has the rate `current` at the step before; −1 is before the first.
  func rate(at step: Int, initialRate: Double, current: Double) -> Double {
    guard case .byStep(let schedule) = self else { return current }
    // A rate that grows without bound ends at the greatest number: an optimizer refuses infinity.
    func formula(_ step: Int) -> Double {
      min(schedule.rate(at: step, initialRate: initialRate), .greatestFiniteMagnitude)
    }
    let rate = formula(step)
    guard schedule.multipliesCurrentRate else { return rate }
    let before = step == 0 ? initialRate : formula(step - 1)
    // Without a change from outside, the formula itself, so that roundings do not add up.
    if current == before || before == 0 || Self.startsAnew(at: step, current) { return rate }
    return min(current * (rate / before), .greatestFiniteMagnitude)
  }

  /// Whether a group takes the schedule's own rate at its first step, as a product would stay at 0: nothing has raised the
  /// rate since another schedule ended there.
  static func startsAnew(at step: Int, _ current: Double) -> Bool { step == 1 && current == 0 }
}

extension AnyLearningRateSchedule: Equatable {
  /// Whether both are of one type and equal, their progress included.
  public static func == (left: Self, right: Self) -> Bool {
    func equals<Base: Equatable>(_ base: Base) -> Bool { base == right.base as? Base }
    return equals(left.base)
  }
}

extension AnyLearningRateSchedule: CustomReflectable {
  /// The mirror of the schedule itself, so that differences are named without the case.
  public var customMirror: Mirror { Mirror(reflecting: base) }
}

extension AnyLearningRateSchedule: Codable {
  private enum CodingKeys: CodingKey { case name, settings }

  /// Decodes a schedule of a known type, and checks its settings as its initializer does.
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

  /// Decodes a schedule of a type that is listed in the decoder's `userInfo`.
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
  /// A decoder's list of schedule types outside of this module, as `[any LearningRateSchedule.Type]`.
  public static let scheduleTypes = CodingUserInfoKey(rawValue: "Schedules.scheduleTypes")!
}
