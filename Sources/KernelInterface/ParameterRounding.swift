/// The rounding of values that a step computed in Float into a 16-bit parameter.
///
/// Parameters of the arithmetic type keep what was computed, and look at none of this.
package enum ParameterRounding: Sendable {
  /// To the nearest value, ties to even.
  case nearest
  /// To one of the two adjacent values, each as likely as the other one is far away.
  ///
  /// The draw for an element is a function of `key` and of its index in the tensor, where the first element of the
  /// piece has index `first`.
  case stochastic(key: UInt64, first: Int)
  /// To nearest, where the residual takes what that lost, and gives it back before the next update.
  ///
  /// It holds the parameter's type, in units of ``residualUnit(of:)``, one for each element.
  case compensated(residual: MutableElements)

  /// The same rounding for the elements from index `offset` on.
  package func advanced(by offset: Int) -> ParameterRounding {
    switch self {
    case .nearest: self
    case .stochastic(let key, let first): .stochastic(key: key, first: first + offset)
    case .compensated(let residual): .compensated(residual: residual.advanced(by: offset))
    }
  }

  /// The same rounding, and the same residual, for a part of a tensor whose first element has this index in the whole.
  package func startingAt(_ index: Int) -> ParameterRounding {
    if case .stochastic(let key, let first) = self { return .stochastic(key: key, first: first + index) }
    return self
  }

  /// Returns the value of a residual of 1.
  ///
  /// Rounding to Float16 loses at most 16, and 2⁻²⁵ where the value is subnormal: less than Float16 can hold. In units
  /// of 2⁻¹¹ either is a normal value. BFloat16 has Float's exponents and needs no unit.
  package static func residualUnit(of type: ScalarType) -> Double { type == .float16 ? 0x1p-11 : 1 }
}
