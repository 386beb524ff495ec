/// The comparison that tells whether a value of the metric is better than the best one so far.
///
///     minimize   relative: value < best (1 − threshold)     absolute: value < best − threshold
///     maximize   relative: value > best (1 + threshold)     absolute: value > best + threshold
///
/// NaN is never better.
public struct MetricCriterion: Sendable, Hashable {
  /// The values that are good.
  public enum Mode: String, Sendable, Codable {
    /// Low ones, as of a loss.
    case minimize = "min"
    /// High ones, as of an accuracy.
    case maximize = "max"
  }

  /// The meaning of the threshold.
  public enum ThresholdMode: String, Sendable, Codable {
    /// A part of the best value.
    case relative = "rel"
    /// A difference from the best value.
    case absolute = "abs"
  }

  /// The values that are good.
  public let mode: Mode
  /// How much better counts as better.
  public let threshold: Double
  /// The meaning of the threshold.
  public let thresholdMode: ThresholdMode

  /// Worse than every other value: the best one before any was seen.
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
