/// A length in steps: an `Int`, or a ``Fraction`` of the training steps.
///
///     try CosineSchedule(warmupSteps: 100, trainingSteps: 1_000)
///     try CosineSchedule(warmupSteps: .fraction(0.1), trainingSteps: 1_000)
public protocol StepLength: Sendable {
  /// Returns the number of steps, for a training run of `trainingSteps`.
  ///
  /// - Throws: ``ScheduleError`` for an invalid fraction.
  func steps(of trainingSteps: Int) throws(ScheduleError) -> Int
}

extension StepLength {
  /// Returns the steps of a schedule's warmup, and checks the count as for the training steps.
  func checkedSteps(of trainingSteps: Int, _ schedule: String) throws(ScheduleError) -> Int {
    try ScheduleError.requireCount(trainingSteps, schedule, "trainingSteps")
    let warmupSteps = try steps(of: trainingSteps)
    try ScheduleError.requireCount(warmupSteps, schedule, "warmupSteps")
    return warmupSteps
  }
}

extension Int: StepLength {
  /// Returns the number itself.
  public func steps(of trainingSteps: Int) throws(ScheduleError) -> Int { self }
}

/// A fraction of the training steps, from 0 to 1.
///
/// It is rounded up to whole steps, as transformers does with its warmup ratio: `.fraction(0.1)` of 25 steps
/// is 3.
public struct Fraction: StepLength, Hashable, Codable {
  /// The fraction, from 0 to 1.
  public let value: Double

  /// Creates a fraction of the training steps, from 0 to 1.
  public init(_ value: Double) { self.value = value }

  /// Returns ⌈`value` · `trainingSteps`⌉.
  ///
  /// - Throws: ``ScheduleError`` for a fraction outside 0 ... 1, and for negative training steps.
  public func steps(of trainingSteps: Int) throws(ScheduleError) -> Int {
    try ScheduleError.require((0...1).contains(value), "Fraction", "value", value, "must be in 0 ... 1")
    try ScheduleError.requireCount(trainingSteps, "Fraction", "trainingSteps")
    return Int((Double(trainingSteps) * value).rounded(.up))
  }
}

extension StepLength where Self == Fraction {
  /// Returns a fraction of the training steps, from 0 to 1. It is rounded up to whole steps.
  public static func fraction(_ value: Double) -> Fraction { Fraction(value) }
}
