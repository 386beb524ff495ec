import RealModule

/// m(s) = g^n, n the number of milestones that are not after s.
///
/// g = 0.4, milestones 50 and 80:
///
///       1 ┤⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⢹
///     0.8 ┤                          ⡇
///     0.6 ┤                          ⢇
///     0.4 ┤                          ⠸⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⢤
///     0.2 ┤                                         ⠈⣆⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀
///       0 ┤
///         └─────────────────────────────────────────────────────
///          0        20        40         60        80       step
///
/// - milestones: the steps that drop, in rising order; the same step twice drops twice
///
/// After the last milestone it stays.
///
/// Source: `MultiStepLR` of torch.
public struct MultiStepDecaySchedule: MultiplierSchedule, CheckedSettings {
  /// The steps from which the rate is multiplied by g once more.
  public let milestones: [Int]
  /// g, the factor of a drop.
  public let decayRate: Double

  /// Creates a rate that is multiplied by `decayRate` at each of `milestones`.
  ///
  /// - Throws: ``ScheduleError`` for milestones that are negative or fall, and a factor that is not above 0.
  public init(
    milestones: [Int], decayRate: Double = StepDecaySchedule.defaultDecayRate
  ) throws(ScheduleError) {
    try Self.require(
      milestones.first ?? 0 >= 0 && zip(milestones, milestones.dropFirst()).allSatisfy(<=), "milestones",
      milestones, "must be steps in rising order, none negative")
    try Self.requirePositive(["decayRate": decayRate])
    self.milestones = milestones
    self.decayRate = decayRate
  }

  enum CodingKeys: String, CodingKey { case milestones, decayRate = "gamma" }

  init(_ settings: KeyedDecodingContainer<CodingKeys>) throws {
    try self.init(milestones: settings[.milestones], decayRate: settings[.decayRate])
  }

  /// True, as for `MultiStepLR` of torch.
  public var multipliesCurrentRate: Bool { true }

  /// g^n, n the number of milestones ≤ s.
  public func multiplier(at step: Int) -> Double {
    .pow(decayRate, Double(milestones.prefix { $0 <= step }.count))
  }
}
