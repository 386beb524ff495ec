/// A learning-rate schedule. Conform to ``Schedule`` if the step drives it, or to ``MetricSchedule`` if a metric does.
public protocol LearningRateSchedule: Sendable, Codable, Equatable {
  /// The name that a value is saved under in ``AnyLearningRateSchedule``. The default is the name of the type.
  static var name: String { get }
}

extension LearningRateSchedule {
  /// The name in this module's list of schedules, such as `cosine`, or the name of the type.
  public static var name: String {
    ScheduleCatalog.names[ObjectIdentifier(Self.self)] ?? String(describing: Self.self)
  }
}

/// The learning rate of every step, η(s), as a value. It has no state: you can evaluate it at any step, in any order.
///
/// The step `s` counts optimizer steps from 0: the first optimizer step uses `rate(at: 0, …)`.
/// In the formulas of schedules, η₀ is `initialRate`, the initial rate of the parameter group, and m(s) is a multiplier.
/// `adafactor schedule` draws the plots.
///
/// If the shape does not depend on η₀, which is true for nearly all schedules, conform to ``MultiplierSchedule``.
/// To save and restore your own type in ``AnyLearningRateSchedule``, list it in
/// ``Swift/CodingUserInfoKey/scheduleTypes``.
public protocol Schedule: LearningRateSchedule {
  /// Returns η(s) for a parameter group with the initial rate η₀ = `initialRate`. `step` is at least 0.
  func rate(at step: Int, initialRate: Double) -> Double

  /// Throws an error if the settings don't fit a group with this initial rate: for example, if the end rate is above it.
  func check(initialRate: Double) throws(ScheduleError)

  /// Whether a scheduler multiplies the current rate of a group by η(s + 1) / η(s), as torch's `StepLR` does. This keeps
  /// changes by another scheduler or the program. Otherwise the scheduler sets η(s + 1), as torch's `LambdaLR` does.
  var multipliesCurrentRate: Bool { get }
}

extension Schedule {
  /// False: the scheduler sets the rate.
  public var multipliesCurrentRate: Bool { false }

  /// Accepts every initial rate.
  public func check(initialRate: Double) throws(ScheduleError) {}
}

/// A schedule of the form η(s) = η₀ · m(s): the same shape for every parameter group.
public protocol MultiplierSchedule: Schedule {
  /// Returns m(s), the factor on the initial rate. `step` is at least 0.
  func multiplier(at step: Int) -> Double
}

extension MultiplierSchedule {
  /// Returns η₀ · m(s), or 0 if η₀ = 0, even if m(s) grows to infinity.
  public func rate(at step: Int, initialRate: Double) -> Double {
    initialRate == 0 ? 0 : initialRate * multiplier(at: step)
  }
}
