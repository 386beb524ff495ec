/// The rounding into a 16-bit parameter of values that a step computed in Float.
///
/// Parameters of the arithmetic type store the computed values and ignore this setting.
package enum ParameterRounding: Sendable {
  /// Rounds to the nearest value, ties to even.
  case nearest
  /// Rounds to one of the two adjacent values at random, so that the expected result is exact.
  ///
  /// The draw for an element depends only on `key` and on the index of the element in the tensor. The first
  /// element of the piece has index `first`.
  case stochastic(key: UInt64, first: Int)
  /// Rounds to nearest. The residual receives the rounding error, and is added back before the next update.
  ///
  /// The residual has the parameter's type, with one element per parameter element, in units of
  /// ``residualUnit(of:)``.
  case compensated(residual: MutableElements)

  /// Returns the same rounding for the elements from index `offset`.
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
  /// Rounding to Float16 loses at most 16, and 2⁻²⁵ for subnormal values, which is smaller than any Float16.
  /// In units of 2⁻¹¹, both are normal values. BFloat16 has Float's exponents and needs no unit.
  package static func residualUnit(of type: ScalarType) -> Double { type == .float16 ? 0x1p-11 : 1 }
}
