/// m(s) = 1: the initial rate at every step.
///
///       1 ┤⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉
///     0.8 ┤
///     0.6 ┤
///     0.4 ┤
///     0.2 ┤
///       0 ┤
///         └─────────────────────────────────────────────────────
///          0        20        40         60        80       step
///
/// Source: `constant` of transformers.
public struct ConstantSchedule: MultiplierSchedule {
  /// Creates a schedule with the initial rate at every step.
  public init() {}

  /// Returns 1.
  public func multiplier(at step: Int) -> Double { 1 }
}
