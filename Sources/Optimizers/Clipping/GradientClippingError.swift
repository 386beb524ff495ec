/// An error of clipping, thrown before any gradient or scale has changed.
public enum GradientClippingError: Error, Sendable, Equatable {
  /// A limit or an order out of its range.
  case invalidSetting(name: String, value: Double, requirement: String)
  /// No parameter has a gradient: there is nothing to clip.
  case noGradients
  /// The norm is NaN or infinite; `parameter` is the first whose own norm is.
  case nonFiniteNorm(norm: Double, parameter: String)
  /// The norm is so large that clipping would make a finite gradient 0 in the type that steps compute in.
  case vanishingScale(norm: Double, maxNorm: Double, parameter: String)
}

extension GradientClippingError: CustomStringConvertible {
  /// The problem, its values and the remedy.
  public var description: String {
    switch self {
    case .invalidSetting(let name, let value, let requirement):
      "\(name) is \(value): \(requirement)."
    case .noGradients:
      "No parameter has a gradient, so there is nothing to clip: clip after the gradients are set, "
        + "and after GradientAccumulator.apply() if they are accumulated."
    case .nonFiniteNorm(let norm, let parameter):
      "The total norm of the gradients is \(norm), so it cannot be clipped; the gradient of \"\(parameter)\" "
        + "is the first that is not finite. Skip such steps, or clip with errorIfNonFinite: false to go on."
    case .vanishingScale(let norm, let maxNorm, let parameter):
      "The total norm of the gradients is \(norm): clipping it to \(maxNorm) would make the gradient of \"\(parameter)\" 0. "
        + "Skip such steps, or raise maxNorm."
    }
  }
}
