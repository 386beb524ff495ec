/// A scheduler that sets the learning rate of every parameter group of an optimizer before each step, by a schedule.
///
///     let schedule = try CosineSchedule(warmupSteps: 100, trainingSteps: 1_000)
///     let scheduler = try LearningRateScheduler(optimizer, schedule)
///     for batch in batches {
///       …
///       try optimizer.step()
///       scheduler.step()
///     }
///
/// The initializer sets the rate of step 0. Call ``step()`` once after each step of the *optimizer*: with accumulated
/// gradients, once per window rather than once per micro-batch. For a metric-driven schedule, call ``step(metric:)`` instead.
///
/// An optimizer may have several schedulers, in sequence or at the same time, with the same rates as in torch:
///
/// - The initial rate belongs to the group: it is the rate before the *first* scheduler
///   (``ScheduledOptimizer/initialValues``, torch's `initial_lr`). A second stage starts from it, even if the first stage
///   ended at 0.
/// - A metric-driven schedule multiplies the current rate of the group.
/// - So do schedules with ``Schedule/multipliesCurrentRate``: exponential, step, multi-step, piecewise (torch's
///   `ConstantLR`), and a ``WarmupSchedule`` before one of them or before a constant schedule (torch's `LinearLR`).
/// - Every other schedule sets the rate of its step. A rate that another scheduler or the program set lasts until then.
///
/// Differs from torch if a schedule that multiplies is created for a group at 0, and nothing has raised the rate by the
/// schedule's first step. It then starts from the initial rate; torch stays at 0. A rate that grows without bound stops at
/// the largest finite number; torch's stops at infinity.
///
/// Differs from transformers if a schedule has a rate among its settings, such as polynomial's end rate and min_lr. Here it
/// applies to each group's own initial rate, in transformers to the optimizer's default rate.
///
/// A scheduler with `scheduling: .weightDecay` sets the weight decay in the same way. An optimizer may have both.
public final class LearningRateScheduler {
  /// The optimizer.
  public let optimizer: any ScheduledOptimizer
  /// The state after the last step, with the rates that were set then.
  private var lastState: State

  /// The state to save. You can encode it with any encoder that keeps all digits of numbers.
  public var state: State {
    var state = lastState
    state.rates = currentRates
    return state
  }

  /// The number of steps taken, which is the step that the current rates are for. It starts at 0.
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
  /// - Throws: ``ScheduleError``, without changing the optimizer, if the schedule does not fit a group's rate, or if a group
  ///   computes its own rate.
  public convenience init(
    _ optimizer: any ScheduledOptimizer, _ schedule: AnyLearningRateSchedule,
    scheduling hyperparameter: Hyperparameter = .learningRate
  ) throws(ScheduleError) {
    self.init(
      optimizer, unchecked: try State(starting: [schedule], scheduling: hyperparameter, of: optimizer))
  }

  /// Schedules all groups by `schedule`, and sets the rates of step 0.
  ///
  /// - Throws: ``ScheduleError``, as the initializer for a schedule of any type does.
  public convenience init(
    _ optimizer: any ScheduledOptimizer, _ schedule: some LearningRateSchedule,
    scheduling hyperparameter: Hyperparameter = .learningRate
  ) throws(ScheduleError) {
    try self.init(optimizer, AnyLearningRateSchedule(schedule), scheduling: hyperparameter)
  }

  /// Schedules each group by its own schedule, and sets the rates of step 0. A group with a schedule of nil is skipped, such
  /// as an Adafactor group with relative steps.
  ///
  /// - Throws: ``ScheduleError``, without changing the optimizer, if there is not one schedule per group, if a schedule does
  ///   not fit its group's rate, or if the group computes its own rate.
  public convenience init(
    _ optimizer: any ScheduledOptimizer, _ schedules: [(any LearningRateSchedule)?],
    scheduling hyperparameter: Hyperparameter = .learningRate
  ) throws(ScheduleError) {
    try ScheduleError.requireGroups("schedule", optimizer.groupCount, schedules.count)
    let schedules = schedules.map { $0.map { AnyLearningRateSchedule($0) } }
    self.init(optimizer, unchecked: try State(starting: schedules, scheduling: hyperparameter, of: optimizer))
  }

  /// Resumes from `state`, with its schedules and its initial rates. The optimizer's own rates are not read.
  ///
  /// - Throws: ``ScheduleError``, without changing the optimizer, if the optimizer has another number of groups, if a
  ///   scheduled group computes its own rate, or if the parts of the state do not match each other.
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

  /// The rate of each parameter group for the next step, or nil for a group that is skipped.
  public var currentRates: [Double?] {
    initialRates.indices.map { group in
      initialRates[group].flatMap { _ in optimizer.value(of: lastState.hyperparameter, inGroup: group) }
    }
  }

  /// Whether to call ``step(metric:)`` instead of ``step()``, because a schedule follows a metric.
  public var followsMetric: Bool { lastState.metricDriven != nil }

  /// Advances to the next step, and sets its rates.
  ///
  /// - Precondition: no schedule follows a metric.
  public func step() {
    if let name = lastState.metricDriven {
      fatalError("\(name) follows a metric: call step(metric:) instead of step()")
    }
    advance(metric: nil)
  }

  /// Observes the metric of the completed step, advances to the next step, and sets its rates.
  ///
  /// A schedule that does not follow a metric advances as with ``step()``, so that a loop can treat all schedules in the
  /// same way.
  public func step(metric: Double) { advance(metric: metric) }

  private func advance(metric: Double?) {
    let (groups, scheduled) = (optimizer.groupCount, initialRates.count)
    guard groups >= scheduled else {
      fatalError("\(scheduled) parameter groups are scheduled, but the optimizer has only \(groups)")
    }
    var state = state
    for (group, rate) in state.rates.enumerated() where rate == nil && state.initialRates[group] != nil {
      fatalError(
        "group \(group) now computes its own \(state.hyperparameter.words) and cannot be scheduled")
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

  /// Resumes from `state`, and sets the rates of its step, with the same bits as in the saved run.
  ///
  /// To use the settings of the state, whatever they are, create the scheduler with ``init(_:resuming:)``. If you create a
  /// scheduler after you restored the optimizer, it reads the optimizer's decayed rates as its initial rates. The error
  /// then lists the initial rates.
  ///
  /// - Throws: ``ScheduleError/differentConfiguration(_:)`` with all differences, without changing anything, if the saved
  ///   scheduler had other settings, initial rates or groups.
  public func restore(_ state: State) throws(ScheduleError) {
    let differences = lastState.differences(from: state)
    guard differences.isEmpty else { throw .differentConfiguration(differences) }
    try state.check()
    apply(state)
  }
}

extension ScheduledOptimizer {
  /// Returns the value that a schedule starts from, or throws an error that names the group if it has none.
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
