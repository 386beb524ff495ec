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
/// The initial rate of each group is its rate when the scheduler is made; the scheduler then sets the rate of
/// step 0. Call ``step()`` once after each step of the *optimizer*: with accumulated gradients, once per window
/// and not once per micro-batch. A metric-driven schedule takes its metric by ``step(metric:)``. A rate that is
/// set on the optimizer by hand lasts until the next step.
///
/// Differs from transformers if a schedule has a rate of its own, such as polynomial's end rate and min_lr:
/// here it applies to each group's own initial rate, there to the optimizer's default rate.
///
/// A scheduler with `scheduling: .weightDecay` sets the weight decay in the same way; an optimizer may have both.
public final class LearningRateScheduler {
  /// The optimizer.
  public let optimizer: any ScheduledOptimizer
  /// The state to save. Encode it with any encoder; numbers must keep all their digits.
  public private(set) var state: State

  /// The number of steps taken: the step that the current rates are for, from 0.
  public var stepCount: Int { state.stepCount }
  /// The rate of each group when the scheduler was made, or nil for a group that it skips.
  public var initialRates: [Double?] { state.initialRates }

  private init(_ optimizer: any ScheduledOptimizer, unchecked state: State) {
    self.optimizer = optimizer
    self.state = state
    apply()
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
    try ScheduleError.requireGroups("parameter group", state.initialRates.count, optimizer.groupCount)
    try state.check()
    for group in 0..<optimizer.groupCount where state.initialRates[group] != nil {
      _ = try optimizer.schedulableValue(of: state.hyperparameter, inGroup: group)
    }
    self.init(optimizer, unchecked: state)
  }

  /// The rate of each parameter group for the step to come, or nil for a group that is skipped.
  public var currentRates: [Double?] { state.currentRates }

  /// Whether ``step(metric:)`` is needed, and ``step()`` a mistake.
  public var followsMetric: Bool { state.metricDriven != nil }

  /// Continues with the next step, and sets its rates.
  ///
  /// - Precondition: no schedule follows a metric.
  public func step() {
    if let name = state.metricDriven {
      fatalError("\(name) follows a metric: call step(metric:) instead of step()")
    }
    state.stepCount += 1
    apply()
  }

  /// Observes the metric of the step that is over, continues with the next one, and sets its rates.
  ///
  /// A schedule that does not follow a metric continues as with ``step()``, so that a loop can treat all alike.
  public func step(metric: Double) {
    for index in state.schedules.indices {
      guard case .byMetric(var schedule) = state.schedules[index] else { continue }
      schedule.observe(metric)
      state.schedules[index] = .byMetric(schedule)
    }
    state.stepCount += 1
    apply()
  }

  private func apply() {
    let (groups, scheduled) = (optimizer.groupCount, initialRates.count)
    guard groups == scheduled else {
      fatalError(
        "the optimizer has \(groups) parameter groups, not the \(scheduled) that it was scheduled with")
    }
    for (group, rate) in currentRates.enumerated() {
      guard let rate else { continue }
      optimizer.setValue(rate, of: state.hyperparameter, inGroup: group)
    }
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
    let differences = self.state.differences(from: state)
    guard differences.isEmpty else { throw .differentConfiguration(differences) }
    try state.check()
    self.state = state
    apply()
  }
}

extension ScheduledOptimizer {
  /// The value to start a schedule from, or an error that names the group without one.
  func schedulableValue(of parameter: Hyperparameter, inGroup index: Int) throws(ScheduleError) -> Double {
    if let value = value(of: parameter, inGroup: index) { return value }
    throw .notSchedulable(parameter, group: index)
  }
}
