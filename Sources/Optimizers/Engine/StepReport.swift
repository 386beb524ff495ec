/// The outcome of a step.
///
/// A step in which no parameter has a gradient changes nothing, and is no error: ``steppedCount`` is 0 and
/// ``withoutGradient`` the number of parameters. Check it if every step of your program should have gradients.
public struct StepReport: Sendable, Equatable {
  /// The number of parameters that were updated.
  public let steppedCount: Int
  /// The names of the parameters whose update is not finite, or left an infinity in them, in the optimizer's order:
  /// <doc:NonFiniteGradients> lists the cases.
  public let nonFinite: [String]

  /// The number of parameters that were skipped because they have no gradient.
  public let withoutGradient: Int

  /// Creates a report.
  package init(steppedCount: Int, nonFinite: [String], withoutGradient: Int = 0) {
    self.steppedCount = steppedCount
    self.nonFinite = nonFinite
    self.withoutGradient = withoutGradient
  }
}
