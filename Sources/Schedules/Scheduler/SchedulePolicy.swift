/// What a ``LearningRateScheduler`` follows: a schedule of the step, or one of a metric.
public enum SchedulePolicy: Sendable, Equatable {
  /// The rate is a function of the step.
  case byStep(AnySchedule)
  /// The rate follows a metric.
  case byMetric(AnyMetricSchedule)

  /// The name of the schedule's type, as it is saved.
  public var kind: String {
    switch self {
    case .byStep(let schedule): type(of: schedule.base).kind
    case .byMetric(let schedule): type(of: schedule.base).kind
    }
  }

  /// Checks that the policy suits groups of these initial rates, and begins it with them.
  mutating func start(rates: [Double]) throws(ScheduleError) {
    switch self {
    case .byStep(let schedule):
      for rate in rates { try schedule.check(initialRate: rate) }
    case .byMetric(var schedule):
      try schedule.start(rates: rates)
      self = .byMetric(schedule)
    }
  }

  /// The settings alone, as a saved state is compared with another.
  var settings: Any {
    switch self {
    case .byStep(let schedule): schedule.base
    case .byMetric(let schedule): schedule.base.unstarted
    }
  }
}

/// As `{"byStep": …}` or `{"byMetric": …}`.
extension SchedulePolicy: Codable {
  private enum CodingKeys: CodingKey {
    case byStep, byMetric
  }

  /// Restores the schedule, whose settings are checked as if it were made anew.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    if let schedule = try container.decodeIfPresent(AnyMetricSchedule.self, forKey: .byMetric) {
      self = .byMetric(schedule)
    } else {
      self = .byStep(try container.decode(AnySchedule.self, forKey: .byStep))
    }
  }

  /// Writes the schedule with its kind.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .byStep(let schedule): try container.encode(schedule, forKey: .byStep)
    case .byMetric(let schedule): try container.encode(schedule, forKey: .byMetric)
    }
  }
}
