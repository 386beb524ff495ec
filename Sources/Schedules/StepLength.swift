/// A length in steps: an `Int`, or a ``Fraction`` of the training steps.
///
///     try CosineSchedule(warmupSteps: 100, trainingSteps: 1_000)
///     try CosineSchedule(warmupSteps: .fraction(0.1), trainingSteps: 1_000)
public protocol StepLength: Sendable {
  /// The whole number of steps, out of a training of `trainingSteps`.
  ///
  /// - Throws: ``ScheduleError`` for a part that is none.
  func steps(of trainingSteps: Int) throws(ScheduleError) -> Int
}

extension StepLength {
  /// The steps of a schedule's warmup, checked to be a count like the training steps.
  func checkedSteps(of trainingSteps: Int, _ schedule: String) throws(ScheduleError) -> Int {
    try ScheduleError.requireCount(trainingSteps, schedule, "trainingSteps")
    let warmupSteps = try steps(of: trainingSteps)
    try ScheduleError.requireCount(warmupSteps, schedule, "warmupSteps")
    return warmupSteps
  }
}

extension Int: StepLength {
  /// The number itself.
  public func steps(of trainingSteps: Int) throws(ScheduleError) -> Int { self }
}

/// A part of the training, from 0 to 1.
///
/// It is rounded up to whole steps, as transformers does with its warmup ratio: `.fraction(0.1)` of 25 steps
/// is 3.
public struct Fraction: StepLength, Hashable, Codable {
  /// The part, from 0 to 1.
  public let value: Double

  /// Creates a part of the training, from 0 to 1.
  public init(_ value: Double) { self.value = value }

  /// ⌈`value` · `trainingSteps`⌉.
  ///
  /// - Throws: ``ScheduleError`` for a part outside of 0 ... 1 and negative training steps.
  public func steps(of trainingSteps: Int) throws(ScheduleError) -> Int {
    try ScheduleError.require((0...1).contains(value), "Fraction", "value", value, "must be from 0 to 1")
    try ScheduleError.requireCount(trainingSteps, "Fraction", "trainingSteps")
    return Int((Double(trainingSteps) * value).rounded(.up))
  }
}

extension StepLength where Self == Fraction {
  /// A part of the training, from 0 to 1, rounded up to whole steps.
  public static func fraction(_ value: Double) -> Fraction { Fraction(value) }
}
