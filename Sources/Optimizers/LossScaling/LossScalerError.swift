/// An error of a loss scaler, thrown before anything has changed.
public enum LossScalerError: Error, Sendable, Equatable {
  /// A setting is out of range.
  case invalidSetting(name: String, value: Double, requirement: String)
  /// The gradient was already divided by the loss scale.
  case alreadyUnscaled(parameter: String)
  /// Gradients were unscaled after the step that already unscaled them.
  case unscaledAfterStep(parameter: String)
  /// A parameter was stepped a second time before ``LossScaler/update()``.
  case alreadyStepped(parameter: String)
  /// The gradient was clipped while the loss scale was still in it.
  case clippedBeforeUnscaling(parameter: String)
  /// The gradient was set or written to after it was unscaled.
  case gradientReplaced(parameter: String)
  /// None of the parameters of the step has a gradient.
  case noGradients
  /// Nothing was stepped or unscaled before the update.
  case nothingChecked
}

extension LossScalerError: CustomStringConvertible {
  /// The problem, its values and the remedy.
  public var description: String {
    switch self {
    case .invalidSetting(let name, let value, let requirement):
      "\(name) is \(value): \(requirement)."
    case .alreadyUnscaled(let parameter):
      "unscale() has already been called on \"\(parameter)\" since its gradient was set or since the last "
        + "update(): unscale once per step, after accumulation."
    case .unscaledAfterStep(let parameter):
      "unscale() of \"\(parameter)\" is being called after step(): unscale before the step, or let the step do it."
    case .alreadyStepped(let parameter):
      "step() of \"\(parameter)\" has already been called since the last update(): call update() after each "
        + "step."
    case .clippedBeforeUnscaling(let parameter):
      "The gradient of \"\(parameter)\" was clipped while it included the loss scale, so the limit was compared with "
        + "the wrong norm: call unscale(), then clip, then step."
    case .gradientReplaced(let parameter):
      "The gradient of \"\(parameter)\" was set or written to after unscale(), so its loss scale is "
        + "unknown: accumulate first, then unscale, then clip, then step."
    case .noGradients:
      "No parameter of this step has a gradient to check: set the gradients, or apply the accumulated gradients, before "
        + "the step."
    case .nothingChecked:
      "No gradients were checked prior to update(): call step() or unscale() before it."
    }
  }
}
