/// The policy of a step for updates that are not finite, because of a gradient with a NaN, an infinity or squares that
/// overflow, or because moments, RMS(P) or the parameter itself leave the range of their type.
///
/// With a rate or a weight decay of extreme size, a finite update makes a parameter infinite. AdamW decides this before it
/// writes, and so does Adafactor if it is certain from the norms of parameter and update. What shows only in the new
/// parameter is reported all the same: the parameter was stepped and is in ``StepReport/nonFinite``, or ``throwError`` throws
/// ``OptimizerError/infiniteParameter(parameter:)``. Rules on elements look only if the parameter is Float16, or if the
/// learning rate or its product with the weight decay is above 1. Rules on tensors always look.
public enum NonFinitePolicy: String, Sendable, Hashable, Codable, CaseIterable {
  /// The update is made and the parameter becomes NaN, as in the reference.
  case propagate
  /// The parameter and its state are unchanged, and other parameters are stepped. With Adafactor this costs nothing.
  case skipParameter
  /// No parameter is stepped.
  ///
  /// Every gradient is read before the first parameter is written, so that gradients are no longer in the cache.
  case skipStep
  /// No parameter is stepped, and the step throws an error that names the first such parameter. It costs as much as
  /// `skipStep`.
  case throwError

  /// Whether every decision must be known before the first update.
  var decidesTogether: Bool { self == .skipStep || self == .throwError }
}
