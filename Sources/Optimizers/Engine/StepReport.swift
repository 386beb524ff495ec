/// The outcome of a step.
public struct StepReport: Sendable, Equatable {
  /// The number of parameters that were updated.
  public let steppedCount: Int
  /// The names of the parameters whose gradient was not finite, in the optimizer's order.
  public let nonFinite: [String]

  /// Creates a report.
  package init(steppedCount: Int, nonFinite: [String]) {
    self.steppedCount = steppedCount
    self.nonFinite = nonFinite
  }
}
