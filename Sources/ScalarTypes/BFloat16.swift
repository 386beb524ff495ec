/// The upper half of a `Float`: one sign bit, eight exponent bits, seven significand bits.
///
/// This is a binary floating-point type like the standard library's. Conversion from wider types rounds to
/// nearest, ties to even. A NaN stays a NaN with its sign and becomes quiet.
public struct BFloat16: BitwiseCopyable, Sendable {
  /// The sixteen bits: sign, exponent, significand.
  public var bitPattern: UInt16

  /// Creates the value that these sixteen bits encode.
  @inlinable
  public init(bitPattern: UInt16) {
    self.bitPattern = bitPattern
  }

  /// Creates `value` rounded to nearest, ties to even.
  @inlinable
  public init(_ value: Float) {
    let bits = value.bitPattern
    if value.isNaN {
      bitPattern = UInt16(truncatingIfNeeded: bits >> 16) | 0x0040
    } else {
      // Half a unit in the last place, minus one if the kept part is even.
      let rounding = 0x7FFF + ((bits >> 16) & 1)
      bitPattern = UInt16(truncatingIfNeeded: (bits &+ rounding) >> 16)
    }
  }

  /// Creates `value` rounded once to nearest, ties to even, without an intermediate `Float`.
  public init(_ value: Double) {
    // Rounding to Float and then to BFloat16 would round twice. Rounding to odd in the first step makes the
    // result exact: if Float lost bits, the neighbor with an odd last bit represents "between the two".
    let nearest = Float(value)
    guard nearest.isFinite, Double(nearest) != value else {
      self.init(nearest)
      return
    }
    let towardZero =
      Double(nearest).magnitude > value.magnitude ? Float(bitPattern: nearest.bitPattern - 1) : nearest
    self.init(Float(bitPattern: towardZero.bitPattern | 1))
  }

  /// The exact value.
  @inlinable
  public var floatValue: Float { Float(bitPattern: UInt32(bitPattern) << 16) }

  /// The exact value.
  @inlinable
  public var doubleValue: Double { Double(floatValue) }
}
