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

  /// Whether a scheduler multiplies the rate that a group has by η(s + 1) / η(s), as torch's `StepLR` does, and so keeps
  /// what another scheduler or the program has set. Otherwise it sets η(s + 1), as torch's `LambdaLR` does.
  var multipliesCurrentRate: Bool { get }
}

extension Schedule {
  /// False: the rate is set.
  public var multipliesCurrentRate: Bool { false }

  /// Accepts every initial rate.
  public func check(initialRate: Double) throws(ScheduleError) {}
}

/// A schedule of the form η(s) = η₀ · m(s): the same shape for every parameter group.
public protocol MultiplierSchedule: Schedule {
  /// m(s), the factor on the initial rate. `step` is 0 or greater.
  func multiplier(at step: Int) -> Double
}

extension MultiplierSchedule {
  /// η₀ · m(s), and 0 for η₀ = 0 even if m(s) grows to infinity.
  public func rate(at step: Int, initialRate: Double) -> Double {
    initialRate == 0 ? 0 : initialRate * multiplier(at: step)
  }
}
