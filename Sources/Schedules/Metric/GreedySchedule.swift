/// After more than `patience` better observations in a row η ← min(η / f, η_max), and after more than
/// `patience` worse observations in a row η ← max(f η, η_min).
///
/// With η₀ = 1, f = 0.8, patience 2, η_max = 3; for a metric that falls until step 7 and hardly changes after that:
///
/// ![The learning rate over the steps](greedy)
///
/// A better observation ends a row of worse observations, and vice versa. While observations are ignored,
/// during the `warmup` after an increase and the `cooldown` after a reduction, they affect neither the counts
/// nor the best value, but the smoothing continues.
///
/// **With the default η_min of 1e-3, a rate below η_min can only rise**: set η_min if the initial rate is
/// small. NaN counts as worse. After a reset, the `cooldown` of the last reduction continues, as in
/// transformers.
///
/// Source: `greedy` of transformers; "GreedyLR" (arXiv 2512.14527).
public struct GreedySchedule: MetricSchedule {
  @usableFromInline static let defaultCriterion = MetricCriterion(
    mode: .minimize, threshold: 1e-6, thresholdMode: .absolute)
  @usableFromInline static let defaults = (
    factor: 0.95, patience: 10, cooldown: 0, warmup: 0, minimumRate: 1e-3, maximumRate: 1.0, epsilon: 1e-8,
    resetStart: 500, smoothingWindow: 50
  )

  /// Whether low or high values are better.
  public let mode: MetricCriterion.Mode
  /// The minimum improvement; see ``MetricCriterion``.
  public let threshold: Double
  /// The meaning of the threshold.
  public let thresholdMode: MetricCriterion.ThresholdMode
  /// f, the factor of a reduction. An increase divides by it.
  public let factor: Double
  /// The number of successive observations that do not change the rate yet.
  public let patience: Int
  /// The number of observations that are ignored after a reduction.
  public let cooldown: Int
  /// The number of observations that are ignored after an increase.
  public let warmup: Int
  /// η_min, the minimum rate of a reduction.
  public let minimumRate: PerGroup
  /// η_max, the maximum rate of an increase.
  public let maximumRate: PerGroup
  /// The maximum change that is skipped: a group keeps its rate if it would change by no more than this.
  public let epsilon: Double
  /// The number of recent values in the observed mean; nil to observe the value itself.
  public let smoothingWindow: Int?
  /// The number of reductions before a reset, which sets the rates to the initial rates and clears the
  /// progress. Only reductions with all groups at η_min count, without an increase in between.
  public let resetStart: Int

  private var progress: Progress?

  struct Progress: Codable, Equatable {
    var rates: [Double]
    let initialRates: [Double]
    var counters: Counters
  }

  /// The part of the progress that a reset clears.
  struct Counters: Codable, Equatable {
    var best: ExactDouble
    var goodCount = 0
    var badCount = 0
    var remainingCooldown = 0
    var remainingWarmup = 0
    var remainingReductions: Int
    var smoothing: MovingMean?
  }

  /// Creates a schedule that has not been started: ``start(rates:)`` passes it the groups' rates.
  ///
  /// - Throws: ``ScheduleError`` for a factor that is not between 0 and 1, for a negative setting, and for a
  ///   window of no values.
  public init(
    mode: MetricCriterion.Mode = defaultCriterion.mode, threshold: Double = defaultCriterion.threshold,
    thresholdMode: MetricCriterion.ThresholdMode = defaultCriterion.thresholdMode,
    factor: Double = defaults.factor, patience: Int = defaults.patience, cooldown: Int = defaults.cooldown,
    warmup: Int = defaults.warmup, minimumRate: PerGroup = .all(defaults.minimumRate),
    maximumRate: PerGroup = .all(defaults.maximumRate), epsilon: Double = defaults.epsilon,
    smoothingWindow: Int? = nil, resetStart: Int = defaults.resetStart
  ) throws(ScheduleError) {
    guard factor < 1 else { throw .factorNotBelowOne(factor) }
    try Self.requirePositive(["factor": factor])
    try Self.requireNonNegative(["threshold": threshold])
    try Self.requireCounts(["patience": patience, "cooldown": cooldown, "warmup": warmup])
    for rate in minimumRate.values { try Self.requireNonNegative(["minimumRate": rate]) }
    for rate in maximumRate.values { try Self.requireNonNegative(["maximumRate": rate]) }
    try Self.requireNonNegative(["epsilon": epsilon])
    try Self.requireCounts(["smoothingWindow": smoothingWindow ?? 1], atLeast: 1)
    try Self.requireCounts(["resetStart": resetStart])
    self.mode = mode
    self.threshold = threshold
    self.thresholdMode = thresholdMode
    self.factor = factor
    self.patience = patience
    self.cooldown = cooldown
    self.warmup = warmup
    self.minimumRate = minimumRate
    self.maximumRate = maximumRate
    self.epsilon = epsilon
    self.smoothingWindow = smoothingWindow
    self.resetStart = resetStart
  }

  private enum CodingKeys: String, CodingKey {
    case mode, threshold, thresholdMode = "threshold_mode", factor, patience, cooldown, warmup
    case minimumRate = "min_lr", maximumRate = "max_lr", epsilon = "eps"
    case smoothingWindow = "window_size", resetStart = "reset_start", progress
  }
  private enum SmoothKey: CodingKey { case smooth }

  /// Decodes the settings, which are checked, and the progress. The window is ignored if `smooth` is false.
  public init(from decoder: any Decoder) throws {
    let settings = try decoder.container(keyedBy: CodingKeys.self)
    let smooth: Bool? = try decoder.container(keyedBy: SmoothKey.self)[optional: .smooth]
    try self.init(
      mode: settings.choice(.mode), threshold: settings[.threshold],
      thresholdMode: settings.choice(.thresholdMode),
      factor: settings[.factor], patience: settings[.patience], cooldown: settings[.cooldown],
      warmup: settings[.warmup], minimumRate: settings[.minimumRate], maximumRate: settings[.maximumRate],
      epsilon: settings[.epsilon],
      smoothingWindow: smooth == false ? nil : settings[optional: .smoothingWindow],
      resetStart: settings[.resetStart])
    guard let progress: Progress = try settings[optional: .progress] else { return }
    try check(progress)
    self.progress = progress
  }

  /// Throws an error if decoded progress does not match these settings.
  private func check(_ progress: Progress) throws(ScheduleError) {
    let groups = progress.rates.count
    try ScheduleError.requireGroups("initial rate", groups, progress.initialRates.count)
    try minimumRate.check(count: groups, setting: "min_lr")
    try maximumRate.check(count: groups, setting: "max_lr")
    for rate in progress.rates + progress.initialRates {
      try Self.require(rate >= 0 && rate.isFinite, "rates", rate, "must be finite and not negative")
    }
    let counters = progress.counters
    try Self.requireCounts([
      "goodCount": counters.goodCount, "badCount": counters.badCount,
      "remainingCooldown": counters.remainingCooldown, "remainingWarmup": counters.remainingWarmup,
      "remainingReductions": counters.remainingReductions,
    ])
    try Self.require(
      counters.smoothing?.size == smoothingWindow, "smoothing", counters.smoothing?.size ?? 0,
      "must be over \(smoothingWindow ?? 0) values, like smoothingWindow")
    try Self.require(
      counters.smoothing?.isWithinSize ?? true, "smoothing", smoothingWindow ?? 0, "more values are saved")
  }

  /// The comparison that determines whether a value is better.
  public var criterion: MetricCriterion {
    MetricCriterion(mode: mode, threshold: threshold, thresholdMode: thresholdMode)
  }

  /// The current rate of each parameter group; empty before the start.
  public var rates: [Double] {
    get { progress?.rates ?? [] }
    set { progress?.rates = newValue }
  }

  /// The best value of the metric so far, or infinity before the first value. Never NaN.
  public var best: Double { progress?.counters.best.value ?? criterion.worst }

  /// The number of observations in the current row of better observations.
  public var goodCount: Int { progress?.counters.goodCount ?? 0 }

  /// The number of observations in the current row of worse observations.
  public var badCount: Int { progress?.counters.badCount ?? 0 }

  /// The number of further observations to ignore after a reduction.
  public var remainingCooldown: Int { progress?.counters.remainingCooldown ?? 0 }

  /// The number of further observations to ignore after an increase.
  public var remainingWarmup: Int { progress?.counters.remainingWarmup ?? 0 }

  /// The number of reductions at η_min that remain until a reset.
  public var remainingReductions: Int { progress?.counters.remainingReductions ?? resetStart }

  /// The same settings without any progress.
  public var unstarted: GreedySchedule {
    var copy = self
    copy.progress = nil
    return copy
  }

  /// Starts over with the initial rate of each parameter group.
  ///
  /// - Throws: ``ScheduleError`` if a setting per group doesn't have one value for each group.
  public mutating func start(rates: [Double]) throws(ScheduleError) {
    try minimumRate.check(count: rates.count, setting: "min_lr")
    try maximumRate.check(count: rates.count, setting: "max_lr")
    progress = Progress(rates: rates, initialRates: rates, counters: freshCounters())
  }

  private func freshCounters() -> Counters {
    Counters(
      best: ExactDouble(criterion.worst), remainingReductions: resetStart,
      smoothing: smoothingWindow.map { MovingMean(size: $0) })
  }
}

extension GreedySchedule {
  /// Observes the next value of the metric. Does nothing before the start.
  public mutating func observe(_ metric: Double) {
    guard var progress else { return }
    let value = progress.counters.smoothing?.add(metric) ?? metric
    if progress.counters.remainingCooldown > 0 {
      progress.counters.remainingCooldown -= 1
      progress.counters.goodCount = 0
      progress.counters.badCount = 0
    } else if progress.counters.remainingWarmup > 0 {
      progress.counters.remainingWarmup -= 1
      progress.counters.goodCount = 0
      progress.counters.badCount = 0
    } else {
      count(value, in: &progress.counters)
      if progress.counters.goodCount > patience {
        increase(&progress)
      } else if progress.counters.badCount > patience {
        reduce(&progress)
      }
    }
    self.progress = progress
  }

  private func count(_ value: Double, in counters: inout Counters) {
    if criterion.isBetter(value, than: counters.best.value) {
      counters.best.value = value
      counters.goodCount += 1
      counters.badCount = 0
    } else {
      counters.goodCount = 0
      counters.badCount += 1
    }
  }

  private func increase(_ progress: inout Progress) {
    for (group, rate) in progress.rates.enumerated() {
      let increased = min(rate / factor, maximumRate[group])
      if increased - rate > epsilon { progress.rates[group] = increased }
    }
    progress.counters.remainingReductions = resetStart
    progress.counters.remainingWarmup = warmup
    progress.counters.goodCount = 0
  }

  private func reduce(_ progress: inout Progress) {
    progress.rates.reduce(by: factor, to: minimumRate, epsilon: epsilon)
    if progress.rates.enumerated().allSatisfy({ group, rate in rate <= minimumRate[group] }) {
      progress.counters.remainingReductions -= 1
      if progress.counters.remainingReductions <= 0 {
        progress.rates = progress.initialRates
        progress.counters = freshCounters()
      }
    }
    progress.counters.remainingCooldown = cooldown
    progress.counters.badCount = 0
  }
}
