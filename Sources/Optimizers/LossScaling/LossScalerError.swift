/// An error of a loss scaler, thrown before anything has changed.
public enum LossScalerError: Error, Sendable, Equatable {
  /// A setting out of its range.
  case invalidSetting(name: String, value: Double, requirement: String)
  /// The gradient was already divided by the loss scale.
  case alreadyUnscaled(parameter: String)
  /// Unscaling after the step that unscaled.
  case unscaledAfterStep(parameter: String)
  /// A second step before ``LossScaler/update()``.
  case alreadyStepped(parameter: String)
  /// The gradient was clipped while the loss scale was still in it.
  case clippedBeforeUnscaling(parameter: String)
  /// The gradient was set or written to after it was unscaled.
  case gradientReplaced(parameter: String)
  /// A step of parameters none of which has a gradient.
  case noGradients
  /// An update without a step or an unscaling before it.
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
        + "update(): un-scale once a step, after accumulation."
    case .unscaledAfterStep(let parameter):
      "unscale() of \"\(parameter)\" is being called after step(): un-scale before the step, or leave it to "
        + "the step."
    case .alreadyStepped(let parameter):
      "step() of \"\(parameter)\" has already been called since the last update(): call update() after each "
        + "step."
    case .clippedBeforeUnscaling(let parameter):
      "The gradient of \"\(parameter)\" was clipped with the loss scale in it, so that the limit was met by "
        + "another norm: call unscale(), then clip, then step."
    case .gradientReplaced(let parameter):
      "The gradient of \"\(parameter)\" was set or written to after unscale(), and its loss scale is "
        + "unknown: accumulate first, then un-scale, then clip, then step."
    case .noGradients:
      "No parameter of this step has a gradient, so none was checked: set gradients, or apply the accumulated ones, before "
        + "the step."
    case .nothingChecked:
      "No gradients were checked prior to update(): call step() or unscale() before it."
    }
  }
}
