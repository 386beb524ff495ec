extension BFloat16: BinaryFloatingPoint {
  /// The type of magnitudes, which is this type.
  public typealias Magnitude = BFloat16
  /// The type of distances, which is this type.
  public typealias Stride = BFloat16
  /// The type of exponents of 2.
  public typealias Exponent = Int
  /// The type of the eight exponent bits.
  public typealias RawExponent = UInt
  /// The type of the seven significand bits.
  public typealias RawSignificand = UInt16

  /// The number of exponent bits, 8.
  @inlinable
  public static var exponentBitCount: Int { 8 }

  /// The number of stored significand bits, 7. The leading bit is not stored.
  @inlinable
  public static var significandBitCount: Int { 7 }

  /// Creates the value that sign, exponent and significand bits encode. Higher bits are ignored.
  @inlinable
  public init(sign: FloatingPointSign, exponentBitPattern: UInt, significandBitPattern: UInt16) {
    let signBit: UInt16 = sign == .minus ? 0x8000 : 0
    let exponentBits = UInt16(truncatingIfNeeded: exponentBitPattern & 0xFF) << 7
    bitPattern = signBit | exponentBits | (significandBitPattern & 0x7F)
  }

  /// Creates `significand` · 2^`exponent`, rounded once, with the opposite sign if `sign` is minus.
  @inlinable
  public init(sign: FloatingPointSign, exponent: Int, significand: BFloat16) {
    // Exact in Float down to 2⁻¹⁴², far below half the least magnitude.
    self.init(Float(sign: sign, exponent: exponent, significand: significand.floatValue))
  }

  /// The sign bit, also of zero and NaN.
  @inlinable
  public var sign: FloatingPointSign { bitPattern & 0x8000 == 0 ? .plus : .minus }

  /// The eight bits of the exponent: 127 represents 2⁰.
  @inlinable
  public var exponentBitPattern: UInt { UInt(bitPattern >> 7) & 0xFF }

  /// The seven stored bits of the significand.
  @inlinable
  public var significandBitPattern: UInt16 { bitPattern & 0x7F }

  /// The exponent of the leading bit, or `Int.min` for zero and `Int.max` for infinity and NaN.
  @inlinable
  public var exponent: Int { floatValue.exponent }

  /// The magnitude divided by 2^`exponent`, in 1 ..< 2 unless it is zero, infinite or NaN.
  @inlinable
  public var significand: BFloat16 { BFloat16(floatValue.significand) }

  /// The power of two with this value's sign and exponent.
  @inlinable
  public var binade: BFloat16 { BFloat16(floatValue.binade) }

  /// The number of bits from the one after the leading bit to the last bit that is set, or −1 for zero,
  /// infinity and NaN.
  @inlinable
  public var significandWidth: Int { floatValue.significandWidth }

  /// The distance to the next value of larger magnitude.
  @inlinable
  public var ulp: BFloat16 {
    guard isFinite else { return .nan }
    let exponent = Int(exponentBitPattern)
    if exponent > 7 { return BFloat16(bitPattern: UInt16(exponent - 7) << 7) }
    // A subnormal power of two has one bit set.
    return BFloat16(bitPattern: 1 << UInt16(max(exponent - 1, 0)))
  }

  /// The least value that is greater than this one.
  @inlinable
  public var nextUp: BFloat16 {
    if isNaN { return BFloat16(floatValue) }
    if isZero { return .leastNonzeroMagnitude }
    if sign == .minus { return BFloat16(bitPattern: bitPattern - 1) }
    return isInfinite ? self : BFloat16(bitPattern: bitPattern + 1)
  }

  // MARK: Classes of values

  /// Whether the value has all eight bits of precision, so that it is not zero, subnormal, infinite or NaN.
  @inlinable
  public var isNormal: Bool { exponentBitPattern != 0 && isFinite }

  /// Whether the value is neither infinite nor NaN.
  @inlinable
  public var isFinite: Bool { exponentBitPattern != 0xFF }

  /// Whether the value is zero, of either sign.
  @inlinable
  public var isZero: Bool { bitPattern & 0x7FFF == 0 }

  /// Whether the magnitude is positive and below `leastNormalMagnitude`.
  @inlinable
  public var isSubnormal: Bool { exponentBitPattern == 0 && significandBitPattern != 0 }

  /// Whether the value is infinite, of either sign.
  @inlinable
  public var isInfinite: Bool { bitPattern & 0x7FFF == 0x7F80 }

  /// Whether the value is not a number.
  @inlinable
  public var isNaN: Bool { bitPattern & 0x7FFF > 0x7F80 }

  /// Whether the value is a signaling NaN, which conversion and arithmetic make quiet.
  @inlinable
  public var isSignalingNaN: Bool { isNaN && bitPattern & 0x0040 == 0 }

  /// `true`: every value has only one bit pattern.
  @inlinable
  public var isCanonical: Bool { true }
}

// MARK: - Constants

extension BFloat16 {
  /// The greatest finite number: 2¹²⁷ · (2 − 2⁻⁷) ≈ 3.39e38.
  @inlinable
  public static var greatestFiniteMagnitude: BFloat16 { BFloat16(bitPattern: 0x7F7F) }

  /// The least positive normal number: 2⁻¹²⁶ ≈ 1.18e−38.
  @inlinable
  public static var leastNormalMagnitude: BFloat16 { BFloat16(bitPattern: 0x0080) }

  /// The least positive number: 2⁻¹³³ ≈ 9.2e−41.
  @inlinable
  public static var leastNonzeroMagnitude: BFloat16 { BFloat16(bitPattern: 0x0001) }

  /// The distance from 1 to the next value: 2⁻⁷.
  @inlinable
  public static var ulpOfOne: BFloat16 { BFloat16(bitPattern: 0x3C00) }

  /// Positive infinity.
  @inlinable
  public static var infinity: BFloat16 { BFloat16(bitPattern: 0x7F80) }

  /// A quiet NaN.
  @inlinable
  public static var nan: BFloat16 { BFloat16(bitPattern: 0x7FC0) }

  /// A signaling NaN.
  @inlinable
  public static var signalingNaN: BFloat16 { BFloat16(bitPattern: 0x7FA0) }

  /// π rounded toward zero: 3.140625.
  @inlinable
  public static var pi: BFloat16 { BFloat16(bitPattern: 0x4049) }

  /// Creates a NaN with the lowest bits of `payload`, which must fit in five bits.
  @inlinable
  public init(nan payload: UInt16, signaling: Bool) {
    guard payload < 0x20 else {
      fatalError("a BFloat16's NaN holds a payload below 32, not \(payload)")
    }
    // The bit below the quiet bit distinguishes a signaling NaN with payload 0 from infinity.
    bitPattern = 0x7F80 | (signaling ? 0x0020 : 0x0040) | payload
  }
}
