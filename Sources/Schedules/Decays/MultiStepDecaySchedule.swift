import RealModule

/// m(s) = g^n, with n the number of milestones at or before s.
///
/// With g = 0.4, milestones 50 and 80:
///
/// ![The learning rate over the steps](multi_step)
///
/// - milestones: the steps at which the rate drops, in ascending order; a step that is listed twice drops it twice
///
/// After the last milestone, the rate is constant.
///
/// Source: `MultiStepLR` of torch.
public struct MultiStepDecaySchedule: MultiplierSchedule, CheckedSettings {
  /// The steps at which the rate is multiplied by g.
  public let milestones: [Int]
  /// g, the factor of a drop.
  public let decayRate: Double

  /// Creates a rate that is multiplied by `decayRate` at each of `milestones`.
  ///
  /// - Throws: ``ScheduleError`` for milestones that are negative or not ascending, and for a factor that is
  ///   not above 0.
  public init(
    milestones: [Int], decayRate: Double = StepDecaySchedule.defaultDecayRate
  ) throws(ScheduleError) {
    try Self.require(
      milestones.first ?? 0 >= 0 && zip(milestones, milestones.dropFirst()).allSatisfy(<=), "milestones",
      milestones, "must be steps in ascending order, none of them negative")
    try Self.requirePositive(["decayRate": decayRate])
    self.milestones = milestones
    self.decayRate = decayRate
  }

  enum CodingKeys: String, CodingKey { case milestones, decayRate = "gamma" }

  init(_ settings: KeyedDecodingContainer<CodingKeys>) throws {
    try self.init(milestones: settings[.milestones], decayRate: settings[.decayRate])
  }

  /// True, as in torch's `MultiStepLR`.
  public var multipliesCurrentRate: Bool { true }

  /// Returns g^n, with n the number of milestones ≤ s.
  public func multiplier(at step: Int) -> Double {
    .pow(decayRate, Double(milestones.prefix { $0 <= step }.count))
  }
}
