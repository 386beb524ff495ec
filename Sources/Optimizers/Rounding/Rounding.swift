/// The rounding of new values of 16-bit parameters.
///
/// Steps are computed in Float32. If new values are rounded to nearest, updates below half a unit in the last place are lost
/// and training stalls. These are updates below 2⁻⁹ to 2⁻⁸ of a BFloat16 value, and below 2⁻¹² to 2⁻¹¹ of a Float16 value.
/// Parameters of 32 and 64 bits are not rounded.
///
/// | | additional bytes per element | an update below the last place |
/// | --- | --- | --- |
/// | ``nearest`` | none | is lost |
/// | ``stochastic`` | none | has its full effect on average |
/// | ``compensated`` | 2 of state, read and written | is kept until it has an effect |
///
/// References: Gupta et al., "Deep Learning with Limited Numerical Precision" (2015), arXiv:1502.02551; Zamirai et al.,
/// "Revisiting BFloat16 Training" (2020), arXiv:2010.06192.
public enum Rounding: String, Sendable, Hashable, Codable, CaseIterable {
  /// Rounds to the nearest value, ties to even, as the references do.
  case nearest
  /// Rounds up or down at random, with probabilities that make the expected result exact.
  ///
  /// The draws depend only on `roundingSeed`, the parameter's name, its step count and the element's index. They don't
  /// depend on the threads or the backend, and a resumed training run draws the same numbers.
  ///
  /// Values between the largest finite value and the next power of two are rounded to either of them; the latter is infinity.
  case stochastic
  /// Rounds to nearest, keeps the rounding error in the state, and adds it back before the next update (Kahan summation).
  ///
  /// The residual is kept in the parameter's own type [`residual`]. It gives BFloat16 16 significant bits, and Float16 22
  /// (its residual is in units of 2⁻¹¹). A step with another rounding discards the residual. It belongs to the values that
  /// the last step wrote: if you set other values, discard the state too, or the first step is off by up to half a unit in
  /// the last place of the old values.
  case compensated
}

/// A rule with an option for the rounding of 16-bit parameters.
public protocol RoundedRule: UpdateRule {
  /// The rounding of new values of 16-bit parameters. It doesn't affect other types.
  var rounding: Rounding { get set }

  /// The seed of ``Rounding/stochastic``.
  var roundingSeed: UInt64 { get set }
}
