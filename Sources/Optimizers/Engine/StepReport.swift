/// The outcome of a step.
///
/// A step in which no parameter has a gradient changes nothing and is not an error: ``steppedCount`` is 0, and
/// ``withoutGradient`` is the number of parameters. Check it if every step of your program should have gradients.
public struct StepReport: Sendable, Equatable {
  /// The number of parameters that were updated.
  public let steppedCount: Int
  /// The names, in the optimizer's order, of the parameters with an update that is not finite or that left an infinity in
  /// them. <doc:NonFiniteGradients> lists the cases.
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
