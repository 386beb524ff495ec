import RealModule

/// m(s) = g^(s / D).
///
/// With g = 0.97, D = 1:
///
/// ![The learning rate over the steps](exponential)
///
/// It has no end. For a stepwise decay, with s / D rounded down, see ``StepDecaySchedule``.
///
/// Source: `ExponentialLR` of torch (D = 1), `exponential_decay` of optax.
public struct ExponentialSchedule: MultiplierSchedule, CheckedSettings {
  @usableFromInline static let defaultDecaySteps = 1

  /// g, the factor over `decaySteps` steps.
  public let decayRate: Double
  /// D, the number of steps over which the rate is multiplied by g.
  public let decaySteps: Int

  /// Creates a rate that is multiplied by `decayRate` over every `decaySteps` steps.
  ///
  /// - Throws: ``ScheduleError`` for a factor that is not above 0, and for fewer than one step.
  public init(decayRate: Double, decaySteps: Int = defaultDecaySteps) throws(ScheduleError) {
    try Self.requirePositive(["decayRate": decayRate])
    try Self.requireCounts(["decaySteps": decaySteps], atLeast: 1)
    self.decayRate = decayRate
    self.decaySteps = decaySteps
  }

  enum CodingKeys: String, CodingKey { case decayRate = "gamma", decaySteps = "decay_steps" }

  init(_ settings: KeyedDecodingContainer<CodingKeys>) throws {
    try self.init(decayRate: settings[.decayRate], decaySteps: settings[.decaySteps])
  }

  /// True, as in torch's `ExponentialLR`.
  public var multipliesCurrentRate: Bool { true }

  /// Returns g^(s / D).
  public func multiplier(at step: Int) -> Double { .pow(decayRate, Double(step) / Double(decaySteps)) }
}
