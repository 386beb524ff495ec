import RealModule

/// m(s) = g^⌊s / D⌋: every D steps the rate is multiplied by g.
///
/// g = 0.5, D = 25:
///
///       1 ┤⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⢹
///     0.8 ┤            ⠘⡄
///     0.6 ┤             ⡇
///     0.4 ┤             ⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠙⡄
///     0.2 ┤                          ⠘⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⢆
///       0 ┤                                       ⠈⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠱
///         └─────────────────────────────────────────────────────
///          0        20        40         60        80       step
///
/// It has no end.
///
/// Source: `StepLR` of torch.
public struct StepDecaySchedule: MultiplierSchedule, CheckedSettings {
  @usableFromInline static let defaultDecayRate = 0.1

  /// D, the steps between two drops; the first drop is at s = D.
  public let stepSize: Int
  /// g, the factor of a drop.
  public let decayRate: Double

  /// Creates a rate that is multiplied by `decayRate` at every `stepSize`-th step.
  ///
  /// - Throws: ``ScheduleError`` for less than one step, and a factor that is not above 0.
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

  /// True, as for `StepLR` of torch.
  public var multipliesCurrentRate: Bool { true }

  /// g^⌊s / D⌋.
  public func multiplier(at step: Int) -> Double { .pow(decayRate, Double(step / stepSize)) }
}
