extension BFloat16: BinaryFloatingPoint {
  /// The value's own sign and magnitude.
  public typealias Magnitude = BFloat16
  /// Distances are values of the same type.
  public typealias Stride = BFloat16
  /// Powers of two.
  public typealias Exponent = Int
  /// The eight bits of the exponent.
  public typealias RawExponent = UInt
  /// The seven bits of the significand.
  public typealias RawSignificand = UInt16

  /// 8.
  @inlinable
  public static var exponentBitCount: Int { 8 }

  /// 7, without the leading bit that is not stored.
  @inlinable
  public static var significandBitCount: Int { 7 }

  /// The value that sign, exponent and significand bits encode; higher bits are ignored.
  @inlinable
  public init(sign: FloatingPointSign, exponentBitPattern: UInt, significandBitPattern: UInt16) {
    let signBit: UInt16 = sign == .minus ? 0x8000 : 0
    let exponentBits = UInt16(truncatingIfNeeded: exponentBitPattern & 0xFF) << 7
    bitPattern = signBit | exponentBits | (significandBitPattern & 0x7F)
  }

  /// `significand` · 2^`exponent`, rounded once; with the other sign if `sign` is minus.
  @inlinable
  public init(sign: FloatingPointSign, exponent: Int, significand: BFloat16) {
    // Exact in Float down to 2⁻¹⁴², far below half the least magnitude.
    self.init(Float(sign: sign, exponent: exponent, significand: significand.floatValue))
  }

  /// The sign bit, also of zero and NaN.
  @inlinable
  public var sign: FloatingPointSign { bitPattern & 0x8000 == 0 ? .plus : .minus }

  /// The eight bits of the exponent: 127 stands for 2⁰.
  @inlinable
  public var exponentBitPattern: UInt { UInt(bitPattern >> 7) & 0xFF }

  /// The seven bits of the significand that are stored.
  @inlinable
  public var significandBitPattern: UInt16 { bitPattern & 0x7F }

  /// The exponent of the leading bit: `Int.min` for zero, `Int.max` for infinity and NaN.
  @inlinable
  public var exponent: Int { floatValue.exponent }

  /// The magnitude divided by 2^`exponent`: in 1 ..< 2 unless zero, infinite or NaN.
  @inlinable
  public var significand: BFloat16 { BFloat16(floatValue.significand) }

  /// The power of two with this value's sign and exponent.
  @inlinable
  public var binade: BFloat16 { BFloat16(floatValue.binade) }

  /// The bits from the first behind the leading one to the last that is set; −1 for zero, infinity and NaN.
  @inlinable
  public var significandWidth: Int { floatValue.significandWidth }

  /// The distance to the next value of larger magnitude.
  @inlinable
  public var ulp: BFloat16 {
    guard isFinite else { return .nan }
    let exponent = Int(exponentBitPattern)
    if exponent > 7 { return BFloat16(bitPattern: UInt16(exponent - 7) << 7) }
    // A subnormal power of two: one bit set.
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

  /// Whether the value has all eight bits of precision: neither zero, subnormal, infinite nor NaN.
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

  /// Whether the value is a NaN that signals: conversion and arithmetic make it quiet.
  @inlinable
  public var isSignalingNaN: Bool { isNaN && bitPattern & 0x0040 == 0 }

  /// True: every bit pattern is the only one of its value.
  @inlinable
  public var isCanonical: Bool { true }
}

// MARK: - Constants

extension BFloat16 {
  /// 2¹²⁷ · (2 − 2⁻⁷) ≈ 3.39e38.
  @inlinable
  public static var greatestFiniteMagnitude: BFloat16 { BFloat16(bitPattern: 0x7F7F) }

  /// 2⁻¹²⁶ ≈ 1.18e−38.
  @inlinable
  public static var leastNormalMagnitude: BFloat16 { BFloat16(bitPattern: 0x0080) }

  /// 2⁻¹³³ ≈ 9.2e−41.
  @inlinable
  public static var leastNonzeroMagnitude: BFloat16 { BFloat16(bitPattern: 0x0001) }

  /// 2⁻⁷: the distance from 1 to the next value.
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

  /// 3.140625: π rounded toward zero.
  @inlinable
  public static var pi: BFloat16 { BFloat16(bitPattern: 0x4049) }

  /// A NaN with the lowest bits of `payload`, which must fit into five bits.
  @inlinable
  public init(nan payload: UInt16, signaling: Bool) {
    guard payload < 0x20 else {
      fatalError("a BFloat16's NaN holds a payload below 32, not \(payload)")
    }
    // The bit below the quiet one keeps a signaling NaN with payload 0 from being infinity.
    bitPattern = 0x7F80 | (signaling ? 0x0020 : 0x0040) | payload
  }
}
