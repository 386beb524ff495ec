import RealModule

/// η(s) = η_min + ½(η₀ − η_min)(1 + cos(π t / Tᵢ)), with t the steps since the i-th restart and Tᵢ = T₀ kⁱ.
///
/// With η₀ = 1, η_min = 0, T₀ = 15, k = 2:
///
/// ![The learning rate over the steps](cosine_warm_restarts)
///
/// The rate jumps back to η₀ at s = T₀, T₀(1 + k), T₀(1 + k + k²), … without end.
///
/// Source: `CosineAnnealingWarmRestarts` of torch; Loshchilov and Hutter, "SGDR" (arXiv 1608.03983).
public struct CosineWarmRestartsSchedule: Schedule, CheckedSettings {
  @usableFromInline static let defaults = (growth: 1, minimumRate: 0.0)

  /// T₀, the length of the first cycle.
  public let firstCycleSteps: Int
  /// k, the factor by which each cycle is longer than the previous cycle.
  public let growth: Int
  /// η_min, the rate at the end of a cycle.
  public let minimumRate: Double

  /// Creates cycles. The first has `firstCycleSteps` steps, and each following cycle is `growth` times as long.
  ///
  /// - Throws: ``ScheduleError`` for a first cycle or a growth below 1, and for a negative rate.
  public init(
    firstCycleSteps: Int, growth: Int = defaults.growth, minimumRate: Double = defaults.minimumRate
  ) throws(ScheduleError) {
    try Self.requireCounts(["firstCycleSteps": firstCycleSteps, "growth": growth], atLeast: 1)
    try Self.requireNonNegative(["minimumRate": minimumRate])
    self.firstCycleSteps = firstCycleSteps
    self.growth = growth
    self.minimumRate = minimumRate
  }

  enum CodingKeys: String, CodingKey {
    case firstCycleSteps = "T_0", growth = "T_mult", minimumRate = "eta_min"
  }

  init(_ settings: KeyedDecodingContainer<CodingKeys>) throws {
    try self.init(
      firstCycleSteps: settings[.firstCycleSteps], growth: settings[.growth],
      minimumRate: settings[.minimumRate])
  }

  /// Returns η_min + ½(η₀ − η_min)(1 + cos(π t / Tᵢ)).
  public func rate(at step: Int, initialRate: Double) -> Double {
    let (elapsed, length) = cycle(at: step)
    let wave = 1 + Double.cos(.pi * Double(elapsed) / Double(length))
    return minimumRate + (initialRate - minimumRate) * wave / 2
  }

  /// Returns the number of steps since the last restart, and the length of the cycle that started there.
  ///
  /// - Complexity: O(1) if `growth` is 1, or else O(log step). Unlike logarithms, this is exact.
  private func cycle(at step: Int) -> (elapsed: Int, length: Int) {
    guard growth > 1 else { return (step % firstCycleSteps, firstCycleSteps) }
    var elapsed = step
    var length = firstCycleSteps
    while elapsed >= length {
      elapsed -= length
      let (longer, overflow) = length.multipliedReportingOverflow(by: growth)
      length = overflow ? .max : longer
    }
    return (elapsed, length)
  }
}
