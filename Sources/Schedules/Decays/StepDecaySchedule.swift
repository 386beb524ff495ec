import RealModule

/// m(s) = g^⌊s / D⌋: the rate is multiplied by g every D steps.
///
/// With g = 0.4, D = 30:
///
/// ![The learning rate over the steps](step)
///
/// It has no end.
///
/// Source: `StepLR` of torch.
public struct StepDecaySchedule: MultiplierSchedule, CheckedSettings {
  @usableFromInline static let defaultDecayRate = 0.1

  /// D, the number of steps between two drops. The first drop is at s = D.
  public let stepSize: Int
  /// g, the factor of a drop.
  public let decayRate: Double

  /// Creates a rate that is multiplied by `decayRate` every `stepSize` steps.
  ///
  /// - Throws: ``ScheduleError`` for fewer than one step, and for a factor that is not above 0.
  public init(stepSize: Int, decayRate: Double = defaultDecayRate) throws(ScheduleError) {
    try Self.requireCounts(["stepSize": stepSize], atLeast: 1)
    try Self.requirePositive(["decayRate": decayRate])
    self.stepSize = stepSize
    self.decayRate = decayRate
  }

  enum CodingKeys: String, CodingKey { case stepSize = "step_size", decayRate = "gamma" }

  init(_ settings: KeyedDecodingContainer<CodingKeys>) throws {
    try self.init(stepSize: settings[.stepSize], decayRate: settings[.decayRate])
  }

  /// True, as in torch's `StepLR`.
  public var multipliesCurrentRate: Bool { true }

  /// Returns g^⌊s / D⌋.
  public func multiplier(at step: Int) -> Double { .pow(decayRate, Double(step / stepSize)) }
}
