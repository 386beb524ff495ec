/// The learning rate of ``Adafactor``, before parameter scaling.
///
/// Two combinations that the reference refuses at run time cannot be expressed: a rate together with relative steps, and
/// warmup initialization without relative steps.
public enum AdafactorLearningRate: LearningRateSetting {
  /// min(10⁻², 1/√t) at step t; with warmup initialization min(10⁻⁶ t, 1/√t).
  case relative(warmupInit: Bool = false)
  /// A rate that is constant or set by a schedule.
  case constant(Double)

  /// Returns the rate at step `step`, counted from 1.
  func rate(at step: Int) -> Double {
    switch self {
    case .relative(let warmupInit):
      min(warmupInit ? 1e-6 * Double(step) : 1e-2, 1 / Double(step).squareRoot())
    case .constant(let rate): rate
    }
  }

  /// The rate, or nil for relative steps.
  public var constant: Double? {
    if case .constant(let rate) = self { rate } else { nil }
  }

  /// Returns a setting with another constant rate, or nil for relative steps.
  public func settingConstant(_ rate: Double) -> Self? { constant == nil ? nil : .constant(rate) }
}
