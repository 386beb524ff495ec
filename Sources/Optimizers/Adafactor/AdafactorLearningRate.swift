extension Adafactor {
  /// The learning rate of a parameter group, before parameter scaling.
  ///
  /// The reference refuses two combinations at run time, a rate with relative steps and warmup initialization without
  /// relative steps. This type cannot express either.
  public enum LearningRate: Sendable, Hashable {
    /// min(10⁻², 1/√t) at step t; with `warmupInit` min(10⁻⁶ t, 1/√t).
    case relative(warmupInit: Bool = false)
    /// A constant rate, which a schedule may change.
    case constant(Double)

    /// The rate at step `step`, counted from 1.
    func rate(at step: Int) -> Double {
      switch self {
      case .relative(let warmupInit):
        min(warmupInit ? 1e-6 * Double(step) : 1e-2, 1 / Double(step).squareRoot())
      case .constant(let rate):
        rate
      }
    }
  }
}
