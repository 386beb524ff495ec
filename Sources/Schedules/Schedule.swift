/// A learning-rate schedule: conform to ``Schedule``, if the step drives it, or to ``MetricSchedule``.
public protocol LearningRateSchedule: Sendable, Codable, Equatable {
  /// The name under which a value is saved as ``AnyLearningRateSchedule``; by default, the type's own name.
  static var name: String { get }
}

extension LearningRateSchedule {
  /// The name in this module's list of schedules, such as `cosine`, or the type's own name.
  public static var name: String {
    ScheduleCatalog.names[ObjectIdentifier(Self.self)] ?? String(describing: Self.self)
  }
}

/// The learning rate of every step, η(s), as a value: any step, in any order, without a state.
///
/// A step `s` counts optimizer steps from 0: `rate(at: 0, …)` is the rate that the first optimizer step uses.
/// Formulas below write η₀ for `initialRate`, the rate that the parameter group was made with, and m(s) for a
/// multiplier on it. The plots are drawn by `adafactor schedule`.
///
/// Conform to ``MultiplierSchedule`` if the shape does not depend on η₀; nearly all do.
/// To save and restore a type of your own inside ``AnyLearningRateSchedule``, list it in
/// ``Swift/CodingUserInfoKey/scheduleTypes``.
public protocol Schedule: LearningRateSchedule {
  /// η(s) for a parameter group whose rate was η₀ = `initialRate` when it was made. `step` is 0 or greater.
  func rate(at step: Int, initialRate: Double) -> Double

  /// Throws if the settings do not fit a group of this initial rate, such as an end rate above it.
  func check(initialRate: Double) throws(ScheduleError)
}

extension Schedule {
  /// Accepts every initial rate.
  public func check(initialRate: Double) throws(ScheduleError) {}
}

/// A schedule of the form η(s) = η₀ · m(s): the same shape for every parameter group.
public protocol MultiplierSchedule: Schedule {
  /// m(s), the factor on the initial rate. `step` is 0 or greater.
  func multiplier(at step: Int) -> Double
}

extension MultiplierSchedule {
  /// η₀ · m(s).
  public func rate(at step: Int, initialRate: Double) -> Double { initialRate * multiplier(at: step) }
}
