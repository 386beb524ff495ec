/// How a step rounds into 16-bit parameters.
///
/// Steps are computed in Float32. Rounded to nearest, updates below half a unit in the last place are lost, and training
/// stalls: those below 2⁻⁹ of a BFloat16 value, or 2⁻⁸ where its significand is small; 2⁻¹² and 2⁻¹¹ of a Float16 value.
/// Parameters of 32 and 64 bits are stored as they are computed, whatever is chosen.
///
/// | | bytes an element | what becomes of an update below the last place |
/// | --- | --- | --- |
/// | ``nearest`` | none | it is lost |
/// | ``stochastic`` | none | it counts in the mean |
/// | ``compensated`` | 2 more of state, read and written | it is kept until it counts |
///
/// References: Gupta et al., "Deep Learning with Limited Numerical Precision" (2015), arXiv:1502.02551; Zamirai et al.,
/// "Revisiting BFloat16 Training" (2020), arXiv:2010.06192.
public enum Rounding: String, Sendable, Hashable, Codable, CaseIterable {
  /// To the nearest value, ties to even: what the references do.
  case nearest
  /// Up or down to one of the two adjacent values, each as likely as the other one is far away: right in the mean.
  ///
  /// The draws depend on `roundingSeed`, the parameter's name, the number of its step and the element's index, and on
  /// nothing else: neither on threads nor on the backend. A run that is resumed draws the same numbers.
  ///
  /// Values between the greatest finite one and the power of two above are rounded to either of them, which is infinity.
  case stochastic
  /// To nearest, while the state keeps what that lost and gives it back before the next update (Kahan's summation).
  ///
  /// The residual is kept in the parameter's own type [`residual`]. With it BFloat16 has 16 significant bits, Float16
  /// has 22 (for this it is kept in units of 2⁻¹¹). A step with another rounding drops it. It belongs to the values that
  /// the last step left: whoever sets others forgets the state, too, or begins half a unit in the old last place off.
  case compensated
}

/// A rule that can round into 16-bit parameters in other ways than to nearest.
public protocol RoundedRule: UpdateRule {
  /// How new values are rounded into 16-bit parameters; others are not rounded.
  var rounding: Rounding { get set }

  /// The seed of ``Rounding/stochastic``.
  var roundingSeed: UInt64 { get set }
}
