/// Every schedule that can be made by name: the twelve of transformers, and this module's own.
package enum ScheduleCatalog {
  /// A schedule's name, what it does and which options it has.
  package struct Entry: Sendable {
    /// The name.
    package let name: String
    /// What it does, in one sentence.
    package let summary: String
    /// The counts that it needs, by the reference's names.
    package let requiredCounts: [String]
    /// Its options.
    package let options: [OptionDescription]
    /// Whether it follows a metric.
    package let followsMetric: Bool

    let make: @Sendable (ScheduleArguments) throws(ScheduleError) -> SchedulePolicy

    init(
      _ name: String, _ summary: String, requires requiredCounts: [String] = [],
      options: [OptionDescription] = [], followsMetric: Bool = false,
      make: @escaping @Sendable (ScheduleArguments) throws(ScheduleError) -> SchedulePolicy
    ) {
      self.name = name
      self.summary = summary
      self.requiredCounts = requiredCounts
      self.options = options
      self.followsMetric = followsMetric
      self.make = make
    }
  }

  /// All schedules, those of transformers first.
  package static let entries: [Entry] = SchedulerType.allCases.map(\.entry) + ownEntries

  /// The entry of this name.
  package static func entry(named name: String) throws(ScheduleError) -> Entry {
    guard let entry = entries.first(where: { $0.name == name }) else {
      throw .unknownName(name, known: entries.map(\.name))
    }
    return entry
  }
}

extension SchedulePolicy {
  /// The schedule called `name`: a name of ``SchedulerType``, or one more of `adafactor schedule --list`.
  ///
  /// A warm-up before a schedule that has none of its own is added to it (``WarmupSchedule``), out of the
  /// training steps. The names of transformers keep to what they mean there: `constant` and the metric-driven
  /// ones ignore the counts.
  ///
  /// - Parameters:
  ///   - name: The name, of which `adafactor schedule --list` shows all.
  ///   - warmupSteps: The steps of the warm-up: transformers' `num_warmup_steps`.
  ///   - trainingSteps: All steps, those of the warm-up included: transformers' `num_training_steps`.
  ///   - options: The schedule's own options, transformers' `scheduler_specific_kwargs`; null stands for the
  ///     default.
  /// - Throws: transformers' errors: of an unknown name, a missing count, an unknown or ill-typed option, a
  ///   setting that the schedule refuses.
  public init(
    named name: String, warmupSteps: Int? = nil, trainingSteps: Int? = nil,
    options: [String: ScheduleOption] = [:]
  ) throws(ScheduleError) {
    let entry = try ScheduleCatalog.entry(named: name)
    let arguments = try ScheduleArguments(
      name, warmupSteps: warmupSteps, trainingSteps: trainingSteps, options: options,
      descriptions: entry.options)
    self = try entry.make(arguments)
  }

  /// The schedule of the reference's `type`; see ``init(named:warmupSteps:trainingSteps:options:)``.
  ///
  /// - Throws: the same errors.
  public init(
    _ type: SchedulerType, warmupSteps: Int? = nil, trainingSteps: Int? = nil,
    options: [String: ScheduleOption] = [:]
  ) throws(ScheduleError) {
    try self.init(
      named: type.rawValue, warmupSteps: warmupSteps, trainingSteps: trainingSteps, options: options)
  }
}
