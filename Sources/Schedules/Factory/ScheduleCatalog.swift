/// All schedules of this module. The schedules in ``ScheduleCatalog/entries`` can be created by name.
package enum ScheduleCatalog {
  /// The registration of a schedule. Creating it by name, saving and restoring it, and `adafactor schedule --list`
  /// need nothing else.
  package struct Entry: Sendable {
    package let name: String
    /// The behavior, as a predicate without a subject.
    package let summary: String
    /// The required counts, by the reference's names.
    package let requiredCounts: [String]
    package let options: [OptionDescription]
    /// Whether the schedule follows a metric.
    package let followsMetric: Bool
    /// Whether creating the schedule by name puts a warmup before it, because it has no warmup of its own.
    let isWarmedUp: Bool
    /// Whether the schedule has no warmup and cannot have one.
    let hasNoWarmup: Bool
    let type: ObjectIdentifier
    /// Decodes a value of the type.
    let decode: @Sendable (any Decoder) throws -> AnyLearningRateSchedule

    init<Base: LearningRateSchedule>(
      _ type: Base.Type, _ name: String, _ summary: String, requires requiredCounts: [String] = [],
      isWarmedUp: Bool = false, options: [OptionDescription] = []
    ) {
      self.name = name
      self.summary = summary
      self.requiredCounts = requiredCounts
      self.options = options
      self.followsMetric = type is any MetricSchedule.Type
      self.isWarmedUp = isWarmedUp
      self.hasNoWarmup = followsMetric || type == ConstantSchedule.self
      self.type = ObjectIdentifier(type)
      self.decode = { AnyLearningRateSchedule(try Base(from: $0)) }
    }
  }

  /// The name that each type is saved under: the first name of the type.
  static let names = Dictionary(
    restorable.map { ($0.type, $0.name) }, uniquingKeysWith: { first, _ in first })

  /// Returns the entry with this name.
  package static func entry(named name: String) throws(ScheduleError) -> Entry {
    guard let entry = entries.first(where: { $0.name == name }) else {
      throw .unknownName(name, known: entries.map(\.name))
    }
    return entry
  }
}

extension ScheduleCatalog.Entry {
  /// Decodes the schedule from the counts and options. Omitted options have their defaults.
  fileprivate func make(
    warmupSteps: Int?, trainingSteps: Int?, options: [String: ScheduleOption]
  ) throws(ScheduleError) -> AnyLearningRateSchedule {
    let counts = ["num_warmup_steps": warmupSteps, "num_training_steps": trainingSteps]
    for count in requiredCounts where counts[count] == .some(nil) {
      throw .missingArgument(schedule: name, argument: count)
    }
    // In alphabetical order, so that the error always names the same option if several are invalid.
    for option in options.keys.sorted() where !self.options.contains(where: { $0.name == option }) {
      throw .unknownOption(schedule: name, option: option, known: self.options.map(\.name))
    }
    if let warmupSteps, warmupSteps != 0, hasNoWarmup {
      throw .noWarmup(schedule: name, steps: warmupSteps, followsMetric: followsMetric)
    }
    var settings = Dictionary(uniqueKeysWithValues: self.options.map { ($0.name, $0.defaultValue) })
    settings.merge(options.filter { $0.value != .null }) { $1 }
    settings.merge(counts.compactMapValues { $0.map { .int($0) } }) { $1 }
    let warmupSteps = isWarmedUp ? warmupSteps ?? 0 : 0
    try ScheduleError.requireCount(warmupSteps, name, "num_warmup_steps")
    if warmupSteps > 0, requiredCounts.contains("num_training_steps"), let trainingSteps {
      try ScheduleError.require(
        trainingSteps >= warmupSteps, name, "num_training_steps", trainingSteps,
        "must include the warmup of \(warmupSteps) steps")
      settings["num_training_steps"] = .int(trainingSteps - warmupSteps)
    }
    let schedule: AnyLearningRateSchedule
    do throws(ScheduleError) {
      schedule = try OptionDecoder(.object(settings), schedule: name).decode(decode)
    } catch { throw naming(error, given: options.keys) }
    guard warmupSteps != 0, case .byStep(let warmedUp) = schedule else { return schedule }
    return .byStep(try WarmupSchedule(steps: warmupSteps, then: warmedUp))
  }
}

extension AnyLearningRateSchedule {
  /// Creates the schedule named `name`: a name of ``SchedulerType``, or another name in `adafactor schedule --list`.
  ///
  /// If a schedule has no warmup of its own, a warmup (``WarmupSchedule``) is added before it, and counts as part of
  /// the training steps. `constant` and the metric-driven schedules cannot have a warmup. They refuse warmup steps,
  /// which transformers ignores, and they ignore the training steps.
  ///
  /// - Parameters:
  ///   - name: The name. `adafactor schedule --list` shows all names.
  ///   - warmupSteps: The number of warmup steps: transformers' `num_warmup_steps`.
  ///   - trainingSteps: The number of all steps, including the warmup: transformers' `num_training_steps`.
  ///   - options: The schedule's own options, transformers' `scheduler_specific_kwargs`. Null means the default.
  /// - Throws: transformers' errors, in this order: an unknown name, a missing count, an unknown option, a warmup
  ///   for a schedule that cannot have one, an option that is missing or has the wrong type, and a setting that the
  ///   schedule refuses, by the name of the option.
  public init(
    named name: String, warmupSteps: Int? = nil, trainingSteps: Int? = nil,
    options: [String: ScheduleOption] = [:]
  ) throws(ScheduleError) {
    self = try ScheduleCatalog.entry(named: name).make(
      warmupSteps: warmupSteps, trainingSteps: trainingSteps, options: options)
  }

  /// Creates the schedule for the reference's `type`; see ``init(named:warmupSteps:trainingSteps:options:)``.
  ///
  /// - Throws: The same errors.
  public init(
    _ type: SchedulerType, warmupSteps: Int? = nil, trainingSteps: Int? = nil,
    options: [String: ScheduleOption] = [:]
  ) throws(ScheduleError) {
    try self.init(
      named: type.rawValue, warmupSteps: warmupSteps, trainingSteps: trainingSteps, options: options)
  }
}
