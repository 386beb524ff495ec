import RealModule

/// m(s) = s / W while s < W, then 1 / √((s + τ − W) / τ).
///
/// With W = τ = 10:
///
/// ![The learning rate over the steps](inverse_sqrt)
///
/// It has no end: τ steps after the warmup it is 1/√2. With τ = W it is √(W / s).
/// Transformers divides by zero for τ = 0. Here τ must be at least 1.
///
/// Source: `inverse_sqrt` of transformers, as in big_vision.
public struct InverseSquareRootSchedule: MultiplierSchedule, CheckedSettings {
  /// τ if neither it nor a warmup is given.
  static let timescaleWithoutWarmup = 10_000

  /// W, the number of steps of the linear warmup; 0 for none.
  public let warmupSteps: Int
  /// τ, in steps. The default is W, or 10,000 without a warmup.
  public let timescale: Int

  /// Creates a linear warmup to the initial rate, followed by a decay with the inverse square root of the steps.
  ///
  /// - Throws: ``ScheduleError`` for a negative warmup, and for a timescale below 1.
  public init(warmupSteps: Int = 0, timescale: Int? = nil) throws(ScheduleError) {
    try Self.requireCounts(["warmupSteps": warmupSteps])
    let timescale = timescale ?? (warmupSteps > 0 ? warmupSteps : Self.timescaleWithoutWarmup)
    try Self.requireCounts(["timescale": timescale], atLeast: 1)
    self.warmupSteps = warmupSteps
    self.timescale = timescale
  }

  enum CodingKeys: String, CodingKey { case warmupSteps = "num_warmup_steps", timescale }

  init(_ settings: KeyedDecodingContainer<CodingKeys>) throws {
    try self.init(
      warmupSteps: settings[.warmupSteps], timescale: settings[optional: .timescale])
  }

  /// Returns s / W if s < W, or else 1 / √((s + τ − W) / τ).
  public func multiplier(at step: Int) -> Double {
    linearWarmup(at: step, warmupSteps: warmupSteps) ?? 1
      / (Double(step + (timescale - warmupSteps)) / Double(timescale)).squareRoot()
  }
}
