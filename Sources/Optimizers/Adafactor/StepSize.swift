extension Adafactor {
  /// Where the step size comes from, before parameter scaling.
  ///
  /// What the reference refuses at run time cannot be written here: a rate together with relative steps, or warm-up
  /// initialization without them.
  public enum StepSize: Sendable, Hashable {
    /// min(10⁻², 1/√t) at step t; with warm-up initialization min(10⁻⁶ t, 1/√t).
    case relative(warmupInitialization: Bool = false)
    /// A rate that is fixed, or set by a schedule.
    case fixed(Double)

    /// The rate at step `step`, counted from 1.
    func rate(at step: Int) -> Double {
      switch self {
      case .relative(let warmupInitialization):
        min(warmupInitialization ? 1e-6 * Double(step) : 1e-2, 1 / Double(step).squareRoot())
      case .fixed(let rate):
        rate
      }
    }
  }
}
