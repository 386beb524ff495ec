/// m(s) = 1: the initial rate at every step.
///
/// Source: `constant` of transformers.
public struct ConstantSchedule: MultiplierSchedule {
  /// `constant`.
  public static let kind = "constant"

  /// The initial rate at every step.
  public init() {}

  /// 1.
  public func multiplier(at step: Int) -> Double { 1 }
}
