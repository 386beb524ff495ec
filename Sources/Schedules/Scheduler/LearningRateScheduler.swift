/// Drives an optimizer with a schedule: sets each parameter group's rate for the step to come.
///
///     let schedule = try CosineSchedule(warmupSteps: 100, trainingSteps: 1_000)
///     let scheduler = try LearningRateScheduler(optimizer, schedule)
///     for batch in batches {
///       …
///       try optimizer.step()
///       scheduler.step()
///     }
///
/// The initial rate of each group is the one that it has when the scheduler is made; the scheduler then sets
/// the rate of step 0. Call ``step()`` once after each step of the *optimizer*: with accumulated gradients,
/// once a window and not once a micro-batch. A metric-driven schedule takes its metric by ``step(metric:)``.
/// A rate that is set on the optimizer by hand lasts until the next step.
///
/// Differs from transformers where a schedule has a rate of its own, as polynomial's end rate and min_lr:
/// here each group's own initial rate is the other end, there the optimizer's default rate is.
///
/// Weight decay is driven the same way with `driving: .weightDecay`; one scheduler may drive each.
public final class LearningRateScheduler {
  /// The optimizer that is driven.
  public let optimizer: any ScheduledOptimizer
  /// What is driven.
  public let quantity: ScheduledQuantity
  /// Each group's rate when the scheduler was made.
  public private(set) var initialRates: [Double]
  /// The schedule, with its progress where it follows a metric.
  public private(set) var policy: SchedulePolicy
  /// The number of steps taken: the step that the current rates are for, from 0.
  public private(set) var lastEpoch: Int

  /// Makes `policy` drive `optimizer`, and sets the rates of step 0.
  ///
  /// Throws where the policy does not suit the rates of the groups, or a group computes its rate itself; the
  /// optimizer is then as it was.
  public init(
    _ optimizer: any ScheduledOptimizer, policy: SchedulePolicy,
    driving quantity: ScheduledQuantity = .learningRate
  ) throws(ScheduleError) {
    let initialRates = try optimizer.schedulableValues(of: quantity)
    var policy = policy
    try policy.start(rates: initialRates)
    self.optimizer = optimizer
    self.quantity = quantity
    self.initialRates = initialRates
    self.policy = policy
    self.lastEpoch = 0
    apply()
  }

  /// Makes `schedule` drive `optimizer`, and sets the rates of step 0.
  ///
  /// - Throws: ``ScheduleError`` where it does not suit the groups' rates, or one computes its rate itself,
  ///   with the optimizer as it was.
  public convenience init(
    _ optimizer: any ScheduledOptimizer, _ schedule: some Schedule,
    driving quantity: ScheduledQuantity = .learningRate
  ) throws(ScheduleError) {
    try self.init(optimizer, policy: .byStep(AnySchedule(schedule)), driving: quantity)
  }

  /// Makes a metric drive `optimizer` by `schedule`.
  ///
  /// - Throws: ``ScheduleError`` where it does not suit the groups' rates, or one computes its rate itself,
  ///   with the optimizer as it was.
  public convenience init(
    _ optimizer: any ScheduledOptimizer, _ schedule: some MetricSchedule,
    driving quantity: ScheduledQuantity = .learningRate
  ) throws(ScheduleError) {
    try self.init(optimizer, policy: .byMetric(AnyMetricSchedule(schedule)), driving: quantity)
  }

  /// Goes on where `state` was saved, with its schedule and its initial rates; the optimizer's own rates are
  /// not read.
  ///
  /// Throws where the optimizer has another number of groups, or one that computes its rate itself.
  public init(_ optimizer: any ScheduledOptimizer, resuming state: State) throws(ScheduleError) {
    let groups = try optimizer.schedulableValues(of: state.quantity).count
    guard groups == state.initialRates.count else {
      throw .groupCount(setting: "parameter group", expected: state.initialRates.count, actual: groups)
    }
    try state.check()
    self.optimizer = optimizer
    self.quantity = state.quantity
    self.initialRates = state.initialRates
    self.policy = state.policy
    self.lastEpoch = state.lastEpoch
    apply()
  }

  /// The rate of each parameter group for the step to come.
  public var currentRates: [Double] {
    switch policy {
    case .byStep(let schedule): initialRates.map { schedule.rate(at: lastEpoch, initialRate: $0) }
    case .byMetric(let schedule): schedule.rates
    }
  }

  /// Whether ``step(metric:)`` is needed, and ``step()`` a mistake.
  public var followsMetric: Bool {
    if case .byMetric = policy { true } else { false }
  }

  /// Goes on to the next step, and sets its rates.
  ///
  /// - Precondition: the schedule does not follow a metric.
  public func step() {
    precondition(!followsMetric, "\(policy.kind) follows a metric: call step(metric:) instead of step()")
    lastEpoch += 1
    apply()
  }

  /// Observes the metric of the step that is over, goes on to the next one, and sets its rates.
  ///
  /// A schedule that does not follow a metric goes on as by ``step()``, so that a loop can treat all alike.
  public func step(metric: Double) {
    if case .byMetric(var schedule) = policy {
      schedule.observe(metric)
      policy = .byMetric(schedule)
    }
    lastEpoch += 1
    apply()
  }

  private func apply() {
    let groups = optimizer.values(of: quantity).count
    precondition(
      groups == initialRates.count,
      "the optimizer has \(groups) parameter groups, not the \(initialRates.count) that it was scheduled with"
    )
    optimizer.set(currentRates, of: quantity)
  }
}

// MARK: Saving and restoring

extension LearningRateScheduler {
  /// Everything that a scheduler is, apart from its optimizer: settings, initial rates and progress.
  public struct State: Sendable, Codable, Equatable {
    /// The schedule, with its progress where it follows a metric.
    public var policy: SchedulePolicy
    /// What is driven.
    public var quantity: ScheduledQuantity
    /// Each group's rate when the scheduler was made.
    public var initialRates: [Double]
    /// The number of steps taken.
    public var lastEpoch: Int

    /// Throws where the parts do not belong together, as after a file was edited.
    func check() throws(ScheduleError) {
      try ScheduleError.requireCount(lastEpoch, policy.kind, "lastEpoch")
      switch policy {
      case .byStep(let schedule):
        for rate in initialRates { try schedule.check(initialRate: rate) }
      case .byMetric(let schedule):
        guard schedule.rates.count == initialRates.count else {
          throw .groupCount(setting: "rate", expected: initialRates.count, actual: schedule.rates.count)
        }
      }
    }
  }

  /// The state to save. Encode it with any encoder; numbers must keep all their digits.
  public var state: State {
    State(policy: policy, quantity: quantity, initialRates: initialRates, lastEpoch: lastEpoch)
  }

  /// Goes on where `state` was saved, and sets the rates of its step, bit for bit those of that run.
  ///
  /// Throws where the scheduler that saved it had other settings, initial rates or groups, with all
  /// differences; nothing is changed then. To take over whatever the state holds, make the scheduler by
  /// ``init(_:resuming:)``. A scheduler that is made after the optimizer was restored has read that
  /// optimizer's decayed rates as its initial ones: that shows as a difference of the initial rates.
  public func restore(_ state: State) throws(ScheduleError) {
    let differences = differences(to: state)
    guard differences.isEmpty else { throw .differentConfiguration(differences) }
    try state.check()
    policy = state.policy
    lastEpoch = state.lastEpoch
    apply()
  }

  private func differences(to state: State) -> [String] {
    settingDifferences("quantity", saved: state.quantity, here: quantity)
      + settingDifferences("initialRates", saved: state.initialRates, here: initialRates)
      + (state.policy.kind == policy.kind
        ? settingDifferences(policy.kind, saved: state.policy.settings, here: policy.settings)
        : ["the schedule is \(state.policy.kind) in the saved state, \(policy.kind) here"])
  }
}
