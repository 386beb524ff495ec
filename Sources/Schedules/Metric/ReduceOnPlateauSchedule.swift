/// η ← max(f η, η_min) for each group if the metric has not improved for more than `patience` observations.
///
/// With η₀ = 1, f = 0.5, patience 3; for a metric that falls until step 7 and hardly changes after that:
///
/// ![The learning rate over the steps](reduce_lr_on_plateau)
///
/// A group below its η_min keeps its rate, because nothing ever raises it. NaN counts as no improvement.
///
/// Source: `reduce_lr_on_plateau` of transformers, which is `ReduceLROnPlateau` of torch.
public struct ReduceOnPlateauSchedule: MetricSchedule, CheckedSettings {
  @usableFromInline static let defaultCriterion = MetricCriterion(
    mode: .minimize, threshold: 1e-4, thresholdMode: .relative)
  @usableFromInline static let defaults = (
    factor: 0.1, patience: 10, cooldown: 0, minimumRate: 0.0, epsilon: 1e-8
  )

  /// Whether low or high values are better.
  public let mode: MetricCriterion.Mode
  /// The minimum improvement; see ``MetricCriterion``.
  public let threshold: Double
  /// The meaning of the threshold.
  public let thresholdMode: MetricCriterion.ThresholdMode
  /// f, the factor of a reduction.
  public let factor: Double
  /// The number of observations without improvement to tolerate.
  public let patience: Int
  /// The number of observations after a reduction that do not count as bad. Better observations still count.
  public let cooldown: Int
  /// η_min, the minimum rate of a reduction.
  public let minimumRate: PerGroup
  /// The maximum change that is skipped: a group keeps its rate if it would change by no more than this.
  public let epsilon: Double

  private var progress: Progress?

  struct Progress: Codable, Equatable {
    var rates: [Double]
    var best: ExactDouble
    var badCount = 0
    var remainingCooldown = 0
  }

  /// Creates a schedule that has not been started: ``start(rates:)`` passes it the groups' rates.
  ///
  /// - Throws: ``ScheduleError`` for a factor outside 0 ..< 1, and for a negative setting.
  public init(
    mode: MetricCriterion.Mode = defaultCriterion.mode, threshold: Double = defaultCriterion.threshold,
    thresholdMode: MetricCriterion.ThresholdMode = defaultCriterion.thresholdMode,
    factor: Double = defaults.factor, patience: Int = defaults.patience, cooldown: Int = defaults.cooldown,
    minimumRate: PerGroup = .all(defaults.minimumRate), epsilon: Double = defaults.epsilon
  ) throws(ScheduleError) {
    guard factor < 1 else { throw .factorNotBelowOne(factor) }
    try Self.requireNonNegative(["factor": factor, "threshold": threshold])
    try Self.requireCounts(["patience": patience, "cooldown": cooldown])
    for rate in minimumRate.values { try Self.requireNonNegative(["minimumRate": rate]) }
    try Self.requireNonNegative(["epsilon": epsilon])
    self.mode = mode
    self.threshold = threshold
    self.thresholdMode = thresholdMode
    self.factor = factor
    self.patience = patience
    self.cooldown = cooldown
    self.minimumRate = minimumRate
    self.epsilon = epsilon
  }

  enum CodingKeys: String, CodingKey {
    case mode, threshold, thresholdMode = "threshold_mode", factor, patience, cooldown
    case minimumRate = "min_lr", epsilon = "eps", progress
  }

  /// Decodes the settings, which are checked, and the progress.
  init(_ settings: KeyedDecodingContainer<CodingKeys>) throws {
    try self.init(
      mode: settings.choice(.mode), threshold: settings[.threshold],
      thresholdMode: settings.choice(.thresholdMode),
      factor: settings[.factor], patience: settings[.patience], cooldown: settings[.cooldown],
      minimumRate: settings[.minimumRate], epsilon: settings[.epsilon])
    guard let progress: Progress = try settings[optional: .progress] else { return }
    try minimumRate.check(count: progress.rates.count, setting: "min_lr")
    for rate in progress.rates {
      try Self.require(rate >= 0 && rate.isFinite, "rates", rate, "must be finite and not negative")
    }
    try Self.requireCounts(["badCount": progress.badCount, "remainingCooldown": progress.remainingCooldown])
    self.progress = progress
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
  public var best: Double { progress?.best.value ?? criterion.worst }

  /// The number of observations since the last improvement that count as bad.
  public var badCount: Int { progress?.badCount ?? 0 }

  /// The number of further observations that do not count as bad.
  public var remainingCooldown: Int { progress?.remainingCooldown ?? 0 }

  /// The same settings without any progress.
  public var unstarted: ReduceOnPlateauSchedule {
    var copy = self
    copy.progress = nil
    return copy
  }

  /// Starts over with the initial rate of each parameter group.
  ///
  /// - Throws: ``ScheduleError`` if a setting per group doesn't have one value for each group.
  public mutating func start(rates: [Double]) throws(ScheduleError) {
    try minimumRate.check(count: rates.count, setting: "min_lr")
    progress = Progress(rates: rates, best: ExactDouble(criterion.worst))
  }

  /// Observes the next value of the metric. Does nothing before the start.
  public mutating func observe(_ metric: Double) {
    guard var progress else { return }
    if criterion.isBetter(metric, than: progress.best.value) {
      progress.best.value = metric
      progress.badCount = 0
    } else {
      progress.badCount += 1
    }
    if progress.remainingCooldown > 0 {
      progress.remainingCooldown -= 1
      progress.badCount = 0
    }
    if progress.badCount > patience {
      progress.rates.reduce(by: factor, to: minimumRate, epsilon: epsilon)
      progress.remainingCooldown = cooldown
      progress.badCount = 0
    }
    self.progress = progress
  }
}
