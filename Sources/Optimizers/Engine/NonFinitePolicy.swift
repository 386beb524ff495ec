/// The policy for updates that are not finite: the gradient holds NaN, infinity or elements with squares that overflow, or
/// the moments, RMS(P) or the parameter itself leave the range of their type.
///
/// With an extreme learning rate or weight decay, a finite update can make a parameter infinite. AdamW detects this before
/// it writes. Adafactor does too, if the norms of the parameter and the update make it certain. If only the new parameter
/// shows it, the parameter was stepped and is listed in ``StepReport/nonFinite``, or ``throwError`` throws
/// ``OptimizerError/infiniteParameter(parameter:)``. Elementwise rules check for it only if the parameter is Float16, or if
/// the learning rate or its product with the weight decay is above 1. Rules on tensors always check.
public enum NonFinitePolicy: String, Sendable, Hashable, Codable, CaseIterable {
  /// Updates the parameter, which becomes NaN, as in the reference.
  case propagate
  /// Skips the parameter: it and its state are unchanged, and other parameters are stepped. With Adafactor this costs nothing.
  case skipParameter
  /// Skips the step for all parameters.
  ///
  /// Every gradient is read before the first parameter is written, so by then the gradients have left the cache.
  case skipStep
  /// Steps no parameter, and throws an error that names the first parameter with such an update. It costs as much as
  /// `skipStep`.
  case throwError

  /// Whether every decision must be known before the first update.
  var decidesTogether: Bool { self == .skipStep || self == .throwError }
}
