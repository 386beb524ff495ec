/// The comparison that determines whether a value of a metric is better than the best value so far.
///
///     minimize   relative: value < best (1 − threshold)     absolute: value < best − threshold
///     maximize   relative: value > best (1 + threshold)     absolute: value > best + threshold
///
/// NaN is never better.
public struct MetricCriterion: Sendable, Hashable {
  /// Whether low or high values are better.
  public enum Mode: String, Sendable, Codable {
    /// Low values are better, as for a loss.
    case minimize = "min"
    /// High values are better, as for an accuracy.
    case maximize = "max"
  }

  /// The meaning of the threshold.
  public enum ThresholdMode: String, Sendable, Codable {
    /// A fraction of the best value.
    case relative = "rel"
    /// A difference from the best value.
    case absolute = "abs"
  }

  /// Whether low or high values are better.
  public let mode: Mode
  /// The minimum improvement.
  public let threshold: Double
  /// The meaning of the threshold.
  public let thresholdMode: ThresholdMode

  /// A value worse than every other value: the best value before the first observation.
  var worst: Double { mode == .minimize ? .infinity : -.infinity }

  func isBetter(_ value: Double, than best: Double) -> Bool {
    switch (mode, thresholdMode) {
    case (.minimize, .relative): value < best * (1 - threshold)
    case (.minimize, .absolute): value < best - threshold
    case (.maximize, .relative): value > best * (1 + threshold)
    case (.maximize, .absolute): value > best + threshold
    }
  }
}

extension MetricCriterion.Mode: NamedChoice {
  static func unknown(_ name: String) -> ScheduleError { .unknownMode(name) }
}

extension MetricCriterion.ThresholdMode: NamedChoice {
  static func unknown(_ name: String) -> ScheduleError { .unknownThresholdMode(name) }
}
