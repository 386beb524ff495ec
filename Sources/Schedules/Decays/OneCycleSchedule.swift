import RealModule

/// η(s) rises from η₀/d to η₀ until s = a, then falls to η₀/(d e) at the last step.
///
/// With η₀ = 1, T = 100, q = 0.3:
///
/// ![The learning rate over the steps](one_cycle)
///
///     s ≤ a            from η₀/d to η₀           a = qT − 1
///     s ≤ T − 1        from η₀ to η₀/(d e)
///
/// or in three phases, first back to the start by b = 2qT − 2 and then to the end:
///
///     s ≤ a            from η₀/d to η₀
///     s ≤ b            from η₀ to η₀/d
///     s ≤ T − 1        from η₀/d to η₀/(d e)
///
/// - η₀: the group's initial rate, which is the peak (torch's `max_lr`)
/// - d: `initialDivisor`, e: `finalDivisor`
///
/// Each phase is half a cosine wave or, if `annealing` is linear, a straight line. A phase of length 0 has the
/// value of its end. Torch divides by zero there, for example if qT = 1. After the last step, torch raises an
/// error. Momentum is not cycled.
///
/// Source: `OneCycleLR` of torch; Smith and Topin, "Super-Convergence" (arXiv 1708.07120).
public struct OneCycleSchedule: Schedule, CheckedSettings {
  /// The shape of a phase between its start and its end.
  public enum Annealing: String, Sendable, Codable, CaseIterable {
    /// Half a cosine wave.
    case cosine = "cos"
    /// A straight line.
    case linear
  }

  @usableFromInline static let defaults = (
    riseFraction: 0.3, initialDivisor: 25.0, finalDivisor: 1e4, annealing: Annealing.cosine,
    threePhases: false
  )

  /// T, the number of training steps. The last step is T − 1; later steps have its rate.
  public let trainingSteps: Int
  /// q, the fraction of the steps in which the rate rises.
  public let riseFraction: Double
  /// d, the initial rate divided by the rate of the first step.
  public let initialDivisor: Double
  /// e, the rate of the first step divided by the rate of the last step.
  public let finalDivisor: Double
  /// The shape of a phase between its start and its end.
  public let annealing: Annealing
  /// Whether the rate falls to its first value before it falls to its end.
  public let threePhases: Bool

  /// Creates a rise to the initial rate, followed by a fall, over `trainingSteps` steps.
  ///
  /// - Throws: ``ScheduleError`` for no steps, for a fraction outside 0 ... 1 (0 ... ½ with three phases), and
  ///   for divisors that are not above 0.
  public init(
    trainingSteps: Int, riseFraction: Double = defaults.riseFraction,
    initialDivisor: Double = defaults.initialDivisor, finalDivisor: Double = defaults.finalDivisor,
    annealing: Annealing = defaults.annealing, threePhases: Bool = defaults.threePhases
  ) throws(ScheduleError) {
    try Self.requireCounts(["trainingSteps": trainingSteps], atLeast: 1)
    let latest = threePhases ? 0.5 : 1.0
    try Self.require(
      (0...latest).contains(riseFraction), "riseFraction", riseFraction,
      "must be in 0 ... \(latest)" + (threePhases ? ", because the second of three phases is as long" : ""))
    try Self.requirePositive(["initialDivisor": initialDivisor, "finalDivisor": finalDivisor])
    self.trainingSteps = trainingSteps
    self.riseFraction = riseFraction
    self.initialDivisor = initialDivisor
    self.finalDivisor = finalDivisor
    self.annealing = annealing
    self.threePhases = threePhases
  }

  enum CodingKeys: String, CodingKey {
    case trainingSteps = "num_training_steps", riseFraction = "pct_start", initialDivisor = "div_factor"
    case finalDivisor = "final_div_factor", annealing = "anneal_strategy", threePhases = "three_phase"
  }

  init(_ settings: KeyedDecodingContainer<CodingKeys>) throws {
    try self.init(
      trainingSteps: settings[.trainingSteps], riseFraction: settings[.riseFraction],
      initialDivisor: settings[.initialDivisor], finalDivisor: settings[.finalDivisor],
      annealing: settings[.annealing], threePhases: settings[.threePhases])
  }

  /// Returns the value of the current phase.
  ///
  /// The end of a straight line is the difference of much larger rates and loses digits. To round in the same
  /// way as torch, it is computed from rates rather than multipliers.
  public func rate(at step: Int, initialRate: Double) -> Double {
    let start = initialRate / initialDivisor
    let end = start / finalDivisor
    let peak = riseFraction * Double(trainingSteps) - 1
    let last = Double(trainingSteps - 1)
    let step = min(Double(step), last)
    if step <= peak { return anneal(from: start, to: initialRate, over: 0...peak, at: step) }
    // Without a rise, the peak is before step 0, and the fall has already started at step 0.
    guard threePhases else {
      return anneal(from: initialRate, to: end, over: min(peak, last)...last, at: step)
    }
    let back = 2 * riseFraction * Double(trainingSteps) - 2
    if step <= back { return anneal(from: initialRate, to: start, over: peak...back, at: step) }
    return anneal(from: start, to: end, over: min(back, last)...last, at: step)
  }

  /// Throws an error if the divisors are so small that the first or last rate is infinite.
  public func check(initialRate: Double) throws(ScheduleError) {
    let start = initialRate / initialDivisor
    try Self.require(start.isFinite, "initialDivisor", initialDivisor, "the first rate would be infinite")
    try Self.require(
      (start / finalDivisor).isFinite, "finalDivisor", finalDivisor, "the last rate would be infinite")
  }

  private func anneal(
    from start: Double, to end: Double, over phase: ClosedRange<Double>, at step: Double
  ) -> Double {
    guard phase.upperBound > phase.lowerBound else { return end }
    let progress = (step - phase.lowerBound) / (phase.upperBound - phase.lowerBound)
    return switch annealing {
    case .cosine: end + (start - end) / 2 * (.cos(.pi * progress) + 1)
    case .linear: (end - start) * progress + start
    }
  }
}
