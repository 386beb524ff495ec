/// Sets an optimizer's learning rates by a schedule: before each step, the rate of every parameter group.
///
///     let schedule = try CosineSchedule(warmupSteps: 100, trainingSteps: 1_000)
///     let scheduler = try LearningRateScheduler(optimizer, schedule)
///     for batch in batches {
///       …
///       try optimizer.step()
///       scheduler.step()
///     }
///
/// The scheduler sets the rate of step 0 when it is made. Call ``step()`` once after each step of the *optimizer*: with
/// accumulated gradients, once per window and not once per micro-batch. A metric-driven schedule takes its metric by
/// ``step(metric:)``.
///
/// An optimizer may have several schedulers, one after the other or next to each other, with the rates of torch:
///
/// - The initial rate belongs to the group: it is the rate before the *first* scheduler
///   (``ScheduledOptimizer/initialValues``, torch's `initial_lr`). A second stage starts from it, even if the first stage
///   ended at 0.
/// - A metric-driven schedule multiplies the rate that the group has.
/// - Schedules whose ``Schedule/multipliesCurrentRate`` is true also multiply it. These are exponential, step, multi-step,
///   piecewise (torch's `ConstantLR`), and a ``WarmupSchedule`` before one of them or before a constant schedule (torch's `LinearLR`).
/// - Every other schedule sets the rate of its step. A rate that another scheduler or the program has set lasts until then.
///
/// Differs from torch if a schedule that multiplies is made for a group at 0, and nothing has raised the rate by its first
/// step: it starts from the initial rate there, while torch stays at 0. A rate that grows without bound ends at
/// the greatest finite number, torch's at infinity.
///
/// Differs from transformers if a schedule has a rate of its own, such as polynomial's end rate and min_lr:
/// here it applies to each group's own initial rate, there to the optimizer's default rate.
///
/// A scheduler with `scheduling: .weightDecay` sets the weight decay in the same way; an optimizer may have both.
public final class LearningRateScheduler {
  /// The optimizer.
  public let optimizer: any ScheduledOptimizer
  /// The state as of the last step: its rates are the ones set then.
  private var lastState: State

  /// The state to save. Encode it with any encoder; numbers must keep all their digits.
  public var state: State {
    var state = lastState
    state.rates = currentRates
    return state
  }

  /// The number of steps taken: the step that the current rates are for, from 0.
  public var stepCount: Int { lastState.stepCount }
  /// The rate of each group before its first scheduler, or nil for a group that is skipped.
  public var initialRates: [Double?] { lastState.initialRates }

  private init(_ optimizer: any ScheduledOptimizer, unchecked state: State) {
    self.optimizer = optimizer
    lastState = state
    apply(state)
  }

  /// Schedules all groups by `schedule`, and sets the rates of step 0.
  ///
  /// - Throws: ``ScheduleError`` if the schedule does not suit a group's rate, or a group computes its rate
  ///   itself. The optimizer is then unchanged.
  public convenience init(
    _ optimizer: any ScheduledOptimizer, _ schedule: AnyLearningRateSchedule,
    scheduling hyperparameter: Hyperparameter = .learningRate
  ) throws(ScheduleError) {
    self.init(
      optimizer, unchecked: try State(starting: [schedule], scheduling: hyperparameter, of: optimizer))
  }

  /// Schedules all groups by `schedule`, and sets the rates of step 0.
  ///
  /// - Throws: ``ScheduleError`` as the initializer for a schedule of any type does.
  public convenience init(
    _ optimizer: any ScheduledOptimizer, _ schedule: some LearningRateSchedule,
    scheduling hyperparameter: Hyperparameter = .learningRate
  ) throws(ScheduleError) {
    try self.init(optimizer, AnyLearningRateSchedule(schedule), scheduling: hyperparameter)
  }

  /// Schedules each group by a schedule of its own, and sets the rates of step 0. A group whose schedule is nil
  /// is skipped, such as an Adafactor group with relative steps.
  ///
  /// - Throws: ``ScheduleError`` if there is not one schedule per group, a schedule does not suit its group's
  ///   rate, or its group computes the rate itself. The optimizer is then unchanged.
  public convenience init(
    _ optimizer: any ScheduledOptimizer, _ schedules: [(any LearningRateSchedule)?],
    scheduling hyperparameter: Hyperparameter = .learningRate
  ) throws(ScheduleError) {
    try ScheduleError.requireGroups("schedule", optimizer.groupCount, schedules.count)
    let schedules = schedules.map { $0.map { AnyLearningRateSchedule($0) } }
    self.init(optimizer, unchecked: try State(starting: schedules, scheduling: hyperparameter, of: optimizer))
  }

  /// Resumes from `state`, with its schedules and its initial rates; the optimizer's own rates are not read.
  ///
  /// - Throws: ``ScheduleError`` if the optimizer has another number of groups, a scheduled group computes its
  ///   rate itself, or the parts of the state do not belong together. The optimizer is then unchanged.
  public convenience init(_ optimizer: any ScheduledOptimizer, resuming state: State) throws(ScheduleError) {
    if optimizer.groupCount < state.initialRates.count {
      try ScheduleError.requireGroups("parameter group", state.initialRates.count, optimizer.groupCount)
    }
    try state.check()
    for group in state.initialRates.indices where state.initialRates[group] != nil {
      _ = try optimizer.schedulableValue(of: state.hyperparameter, inGroup: group)
    }
    self.init(optimizer, unchecked: state)
  }

  /// The rate that each parameter group has for the step to come, or nil for a group that is skipped.
  public var currentRates: [Double?] {
    initialRates.indices.map { group in
      initialRates[group].flatMap { _ in optimizer.value(of: lastState.hyperparameter, inGroup: group) }
    }
  }

  /// Whether ``step(metric:)`` is needed, and ``step()`` a mistake.
  public var followsMetric: Bool { lastState.metricDriven != nil }

  /// Continues with the next step, and sets its rates.
  ///
  /// - Precondition: no schedule follows a metric.
  public func step() {
    if let name = lastState.metricDriven {
      fatalError("\(name) follows a metric: call step(metric:) instead of step()")
    }
    advance(metric: nil)
  }

  /// Observes the metric of the step that is over, continues with the next one, and sets its rates.
  ///
  /// A schedule that does not follow a metric continues as with ``step()``, so that a loop can treat all alike.
  public func step(metric: Double) { advance(metric: metric) }

  private func advance(metric: Double?) {
    let (groups, scheduled) = (optimizer.groupCount, initialRates.count)
    guard groups >= scheduled else {
      fatalError("the optimizer has \(groups) parameter groups, fewer than the \(scheduled) scheduled ones")
    }
    var state = state
    for (group, rate) in state.rates.enumerated() where rate == nil && state.initialRates[group] != nil {
      fatalError(
        "group \(group) computes its \(state.hyperparameter.words) itself now, and cannot be scheduled")
    }
    state.advance(metric: metric)
    apply(state)
  }

  private func apply(_ state: State) {
    for (group, (rate, initialRate)) in zip(state.rates, state.initialRates).enumerated() {
      guard let rate, let initialRate else { continue }
      optimizer.setValue(rate, of: state.hyperparameter, inGroup: group)
      optimizer.setInitialValue(initialRate, of: state.hyperparameter, inGroup: group)
    }
    lastState = state
  }

  /// Resumes from `state`, and sets the rates of its step, bit for bit those of the run that saved it.
  ///
  /// To take over the settings of the state, whatever they are, make the scheduler by ``init(_:resuming:)``. A
  /// scheduler that is made after the optimizer was restored has read that optimizer's decayed rates as its
  /// initial ones; the error then lists the initial rates.
  ///
  /// - Throws: ``ScheduleError/differentConfiguration(_:)`` with all differences if the scheduler that saved it
  ///   had other settings, initial rates or groups. Nothing is then changed.
  public func restore(_ state: State) throws(ScheduleError) {
    let differences = lastState.differences(from: state)
    guard differences.isEmpty else { throw .differentConfiguration(differences) }
    try state.check()
    apply(state)
  }
}

extension ScheduledOptimizer {
  /// The value to start a schedule from, or an error that names the group without one.
  func schedulableValue(of parameter: Hyperparameter, inGroup index: Int) throws(ScheduleError) -> Double {
    if let value = value(of: parameter, inGroup: index) { return value }
    throw .notSchedulable(parameter, group: index)
  }

  fileprivate func setInitialValue(_ value: Double, of hyperparameter: Hyperparameter, inGroup index: Int) {
    var values = initialValues[hyperparameter] ?? []
    values += Array(repeating: nil, count: max(0, index + 1 - values.count))
    values[index] = value
    initialValues[hyperparameter] = values
  }

  func initialValue(of hyperparameter: Hyperparameter, inGroup index: Int) -> Double? {
    let values = initialValues[hyperparameter] ?? []
    return values.indices.contains(index) ? values[index] : nil
  }
}

extension LearningRateScheduler: CustomStringConvertible {
  /// The schedules with their settings, the step count and the current rates.
  public var description: String {
    func settings(_ schedule: AnyLearningRateSchedule?) -> String {
      guard let schedule else { return "none" }
      let values = Mirror(reflecting: schedule.settings).children.compactMap { child in
        child.label.map { "\($0): \(text(of: child.value))" }
      }
      return schedule.name + (values.isEmpty ? "" : "(\(values.joined(separator: ", ")))")
    }
    return lastState.schedules.map(settings).joined(separator: ", ")
      + " of the \(lastState.hyperparameter.words) at step \(stepCount): \(text(of: currentRates))"
  }
}
