extension LearningRateScheduler {
  /// The state of a scheduler without its optimizer: schedules, initial rates and progress.
  public struct State: Sendable, Equatable {
    /// One schedule for all groups, or one per group. A schedule that follows a metric includes its progress. A group
    /// with nil is skipped.
    public var schedules: [AnyLearningRateSchedule?]
    /// The hyperparameter that is scheduled.
    public var hyperparameter: Hyperparameter
    /// The rate of each group before its first scheduler, or nil for a group that is skipped.
    public var initialRates: [Double?]
    /// The current rate of each group, including changes by other code, or nil for a group that is skipped.
    public var rates: [Double?]
    /// The number of steps taken.
    public var stepCount: Int
  }
}

extension LearningRateScheduler.State {
  init(
    starting schedules: [AnyLearningRateSchedule?], scheduling hyperparameter: Hyperparameter,
    of optimizer: any ScheduledOptimizer
  ) throws(ScheduleError) {
    let none = [Double?](repeating: nil, count: optimizer.groupCount)
    self.init(
      schedules: schedules, hyperparameter: hyperparameter, initialRates: none, rates: none, stepCount: 0)
    for (index, schedule) in schedules.enumerated() {
      guard var schedule else { continue }
      for group in groups(of: index) {
        rates[group] = try optimizer.schedulableValue(of: hyperparameter, inGroup: group)
        initialRates[group] = optimizer.initialValue(of: hyperparameter, inGroup: group) ?? rates[group]
      }
      for group in groups(of: index) {
        try ScheduleError.requireNonNegative(initialRates[group] ?? 0, schedule.name, "the initial rate")
      }
      try schedule.start(rates: initialRates(of: index))
      self.schedules[index] = schedule
    }
    setStepRates()
  }

  private func groups(of index: Int) -> Range<Int> {
    schedules.count == 1 ? initialRates.indices : index..<index + 1
  }

  private func initialRates(of index: Int) -> [Double] { initialRates[groups(of: index)].compactMap { $0 } }

  /// Sets the rates of schedules that the step drives, based on the groups' current rates.
  private mutating func setStepRates() {
    for (index, schedule) in schedules.enumerated() {
      for group in groups(of: index) {
        guard let schedule, let initialRate = initialRates[group], let rate = rates[group] else { continue }
        rates[group] = schedule.rate(at: stepCount, initialRate: initialRate, current: rate)
      }
    }
  }

  /// Advances to the next step. A metric-driven schedule observes the metric, and multiplies the rates of its groups.
  mutating func advance(metric: Double?) {
    stepCount += 1
    for index in schedules.indices {
      guard let metric, case .byMetric(var schedule) = schedules[index] else { continue }
      let groups = groups(of: index)
      schedule.rates = groups.compactMap { group in
        rates[group].flatMap {
          AnyLearningRateSchedule.startsAnew(at: stepCount, $0) ? initialRates[group] : $0
        }
      }
      schedule.observe(metric)
      for (group, rate) in zip(groups, schedule.rates) { rates[group] = rate }
      schedules[index] = .byMetric(schedule)
    }
    setStepRates()
  }

  /// The rates of a state that version 0 saved without rates.
  private var formulaRates: [Double?] {
    schedules.enumerated().flatMap { index, schedule -> [Double?] in
      schedule?.rates(at: stepCount, initialRates: initialRates(of: index)) ?? [nil]
    }
  }

  /// The name of a schedule that follows a metric, or nil if none does.
  var metricDriven: String? {
    schedules.lazy.compactMap { if case .byMetric? = $0 { $0?.name } else { nil } }.first
  }

  /// Throws an error if the parts do not match each other, for example, after a file was edited.
  func check() throws(ScheduleError) {
    try ScheduleError.requireCount(stepCount, "scheduler", "stepCount")
    if schedules.count != 1 {
      try ScheduleError.requireGroups("schedule", initialRates.count, schedules.count)
    }
    for (index, schedule) in schedules.enumerated() {
      let rates = initialRates(of: index)
      let expected = schedule == nil ? 0 : groups(of: index).count
      try ScheduleError.requireGroups("initial rate", expected, rates.count)
      switch schedule {
      case .byStep(let schedule)?: for rate in rates { try schedule.check(initialRate: rate) }
      case .byMetric(let schedule)?:
        try ScheduleError.requireGroups("rate", rates.count, schedule.rates.count)
      case nil: break
      }
    }
    try ScheduleError.requireGroups("rate", initialRates.count, rates.count)
    for (setting, values) in [("initialRates", initialRates), ("rates", rates)] {
      for (group, value) in values.enumerated() {
        try ScheduleError.require(
          (value == nil) == (initialRates[group] == nil), "scheduler", "\(setting)[\(group)]",
          value.map { "\($0)" } ?? "none", "initialRates and rates must have values for the same groups")
        guard let value else { continue }
        if setting == "initialRates" {
          try ScheduleError.requireNonNegative(value, "scheduler", "\(setting)[\(group)]")
        } else {
          // A rate that grew without bound is the largest finite number.
          try ScheduleError.require(
            value >= 0 && value.isFinite, "scheduler", "\(setting)[\(group)]", value,
            "must be finite and not negative")
        }
      }
    }
  }

  /// Returns one line for each difference in the configuration, which does not include the progress.
  func differences(from saved: Self) -> [String] {
    settingDifferences("hyperparameter", saved: saved.hyperparameter, here: hyperparameter)
      + settingDifferences("initialRates", saved: saved.initialRates, here: initialRates)
      + (saved.schedules.count == schedules.count
        ? zip(saved.schedules, schedules).flatMap(Self.differences)
        : ["there are \(saved.schedules.count) schedules in the saved state, \(schedules.count) here"])
  }

  private static func differences(
    saved: AnyLearningRateSchedule?, here: AnyLearningRateSchedule?
  ) -> [String] {
    if let saved, let here, saved.name == here.name {
      return settingDifferences(here.name, saved: saved.settings, here: here.settings)
    }
    let (savedName, hereName) = (saved?.name ?? "none", here?.name ?? "none")
    return savedName == hereName ? [] : ["the schedule is \(savedName) in the saved state, \(hereName) here"]
  }
}

extension LearningRateScheduler.State: Codable {
  private enum CodingKeys: CodingKey { case schedules, hyperparameter, initialRates, rates, stepCount }

  /// Creates a state without rates, in the format of earlier versions.
  init(
    schedules: [AnyLearningRateSchedule?], hyperparameter: Hyperparameter, initialRates: [Double?],
    stepCount: Int
  ) throws(ScheduleError) {
    self.init(
      schedules: schedules, hyperparameter: hyperparameter, initialRates: initialRates, rates: initialRates,
      stepCount: stepCount)
    try check()
    rates = formulaRates
  }

  /// Decodes a state of this version or an earlier one.
  public init(from decoder: any Decoder) throws {
    if let saved = try SavedBefore1.state(from: decoder) {
      self = saved
      return
    }
    let container = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      schedules: container[.schedules], hyperparameter: container[.hyperparameter],
      initialRates: container[.initialRates], stepCount: container[.stepCount])
    if let saved: [Double?] = try container[optional: .rates] { rates = saved }
  }
}
