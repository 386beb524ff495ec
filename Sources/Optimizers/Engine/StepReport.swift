/// What a step did.
public struct StepReport: Sendable, Equatable {
  /// Parameters that were updated.
  public let steppedCount: Int
  /// The names of parameters whose gradient was not finite, in the optimizer's order.
  public let nonFinite: [String]
}
