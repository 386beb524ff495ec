/// The upper half of a `Float`: one sign bit, eight of exponent, seven of significand.
///
/// A binary floating-point type like any of the standard library's. Conversion from wider types rounds to nearest, ties
/// to even; a NaN stays a NaN with its sign and becomes quiet.
public struct BFloat16: BitwiseCopyable, Sendable {
  /// The sixteen bits: sign, exponent, significand.
  public var bitPattern: UInt16

  /// The value that these sixteen bits encode.
  @inlinable
  public init(bitPattern: UInt16) {
    self.bitPattern = bitPattern
  }

  /// `value` rounded to nearest, ties to even.
  @inlinable
  public init(_ value: Float) {
    let bits = value.bitPattern
    if value.isNaN {
      bitPattern = UInt16(truncatingIfNeeded: bits >> 16) | 0x0040
    } else {
      // Half a unit in the last place, less one where the kept part is even.
      let rounding = 0x7FFF + ((bits >> 16) & 1)
      bitPattern = UInt16(truncatingIfNeeded: (bits &+ rounding) >> 16)
    }
  }

  /// `value` rounded to nearest, ties to even, once: not by way of a rounded `Float`.
  public init(_ value: Double) {
    // Rounding to Float and then to BFloat16 rounds twice. Rounding to odd in between makes it exact: where Float
    // lost bits, the neighbour with an odd last bit stands for "between the two".
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
