/// m(s) = 1: the initial rate at every step.
///
/// ![The learning rate over the steps](constant)
///
/// Source: `constant` of transformers.
public struct ConstantSchedule: MultiplierSchedule {
  /// Creates a schedule with the initial rate at every step.
  public init() {}

  /// Returns 1.
  public func multiplier(at step: Int) -> Double { 1 }
}
