/// An error of clipping, thrown before any gradient or scale has changed.
public enum GradientClippingError: Error, Sendable, Equatable {
  /// A limit or an order is out of range.
  case invalidSetting(name: String, value: Double, requirement: String)
  /// No parameter has a gradient, so there is nothing to clip.
  case noGradients
  /// The norm is NaN or infinite. `parameter` is the first parameter with such a norm.
  case nonFiniteNorm(norm: Double, parameter: String)
  /// The norm is so large that clipping would set a finite gradient to 0 in the type that steps compute in.
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
        + "is the first that is not finite. Skip such steps, or pass errorIfNonFinite: false to continue."
    case .vanishingScale(let norm, let maxNorm, let parameter):
      "The total norm of the gradients is \(norm): clipping it to \(maxNorm) would set the gradient of \"\(parameter)\" to 0. "
        + "Skip such steps, or raise maxNorm."
    }
  }
}
