// Every operation here is correctly rounded: the exact result, rounded once to nearest, ties to even.
//
// Sum, difference, product, quotient and square root are computed in Float and rounded again. Two roundings
// give the same result as one if the wider type has at least 2p + 2 bits for p bits of result: 24 ≥ 2·8 + 2.
// This also holds for subnormal results, where Float has fewer bits: sums are exact; the sixteen bits of a
// product are exact in Float down to 2⁻¹³⁴, half the least magnitude, below which every result is zero; and a
// quotient of two eight-bit numbers above that limit differs by at least 2⁻¹⁴⁹ from each midpoint between two
// results, unless it equals the midpoint.
//
// The fused multiply-add has no such bound, so the intermediate result is rounded to odd.

extension BFloat16 {
  /// Returns the sum, correctly rounded.
  @inlinable
  public static func + (left: BFloat16, right: BFloat16) -> BFloat16 {
    BFloat16(left.floatValue + right.floatValue)
  }

  /// Returns the difference, correctly rounded.
  @inlinable
  public static func - (left: BFloat16, right: BFloat16) -> BFloat16 {
    BFloat16(left.floatValue - right.floatValue)
  }

  /// Returns the product, correctly rounded.
  @inlinable
  public static func * (left: BFloat16, right: BFloat16) -> BFloat16 {
    BFloat16(left.floatValue * right.floatValue)
  }

  /// Returns the quotient, correctly rounded.
  @inlinable
  public static func / (left: BFloat16, right: BFloat16) -> BFloat16 {
    BFloat16(left.floatValue / right.floatValue)
  }

  /// Replaces `left` with the sum, correctly rounded.
  @inlinable
  public static func += (left: inout BFloat16, right: BFloat16) { left = left + right }

  /// Replaces `left` with the difference, correctly rounded.
  @inlinable
  public static func -= (left: inout BFloat16, right: BFloat16) { left = left - right }

  /// Replaces `left` with the product, correctly rounded.
  @inlinable
  public static func *= (left: inout BFloat16, right: BFloat16) { left = left * right }

  /// Replaces `left` with the quotient, correctly rounded.
  @inlinable
  public static func /= (left: inout BFloat16, right: BFloat16) { left = left / right }

  /// Returns the value with the opposite sign, also for NaN and zero.
  @inlinable
  public static prefix func - (value: BFloat16) -> BFloat16 {
    BFloat16(bitPattern: value.bitPattern ^ 0x8000)
  }

  /// Changes the sign, also of NaN and zero.
  @inlinable
  public mutating func negate() { bitPattern ^= 0x8000 }

  /// The value without its sign.
  @inlinable
  public var magnitude: BFloat16 { BFloat16(bitPattern: bitPattern & 0x7FFF) }

  /// Replaces the value with its square root, correctly rounded.
  @inlinable
  public mutating func formSquareRoot() { self = BFloat16(floatValue.squareRoot()) }

  /// Replaces the value with its remainder of division by `other`, with the quotient rounded to nearest. This
  /// is exact.
  @inlinable
  public mutating func formRemainder(dividingBy other: BFloat16) {
    self = BFloat16(floatValue.remainder(dividingBy: other.floatValue))
  }

  /// Replaces the value with its remainder of division by `other`, with the quotient rounded toward zero.
  /// This is exact.
  @inlinable
  public mutating func formTruncatingRemainder(dividingBy other: BFloat16) {
    self = BFloat16(floatValue.truncatingRemainder(dividingBy: other.floatValue))
  }

  /// Replaces the value with an integer, rounded by `rule`. This is exact.
  @inlinable
  public mutating func round(_ rule: FloatingPointRoundingRule) {
    self = BFloat16(floatValue.rounded(rule))
  }

  /// Adds `left` · `right` with one rounding.
  public mutating func addProduct(_ left: BFloat16, _ right: BFloat16) {
    // The product is exact in Double, and the sum and its rounding error are exact together. An inexact sum
    // is moved to its neighbor with an odd last bit, so that no value between two Doubles can look like a
    // tie.
    let product = left.doubleValue * right.doubleValue
    let addend = doubleValue
    let sum = product + addend
    guard sum.isFinite else {
      self = BFloat16(sum)
      return
    }
    let addendOfSum = sum - product
    let error = (product - (sum - addendOfSum)) + (addend - addendOfSum)
    if error != 0, sum.bitPattern & 1 == 0 {
      self = BFloat16((error > 0) ? sum.nextUp : sum.nextDown)
    } else {
      self = BFloat16(sum)
    }
  }
}

// MARK: Comparison

extension BFloat16 {
  /// Returns whether the values are equal. Zeros are equal regardless of sign, and NaN equals nothing.
  @inlinable
  public static func == (left: BFloat16, right: BFloat16) -> Bool { left.floatValue == right.floatValue }

  /// Returns whether `left` is less than `right`; `false` if one is NaN.
  @inlinable
  public static func < (left: BFloat16, right: BFloat16) -> Bool { left.floatValue < right.floatValue }

  /// Returns whether the values are equal. Zeros are equal regardless of sign, and NaN equals nothing.
  @inlinable
  public func isEqual(to other: BFloat16) -> Bool { self == other }

  /// Returns whether this value is less than `other`; `false` if one is NaN.
  @inlinable
  public func isLess(than other: BFloat16) -> Bool { self < other }

  /// Returns whether this value is at most `other`; `false` if one is NaN.
  @inlinable
  public func isLessThanOrEqualTo(_ other: BFloat16) -> Bool { floatValue <= other.floatValue }

  /// Feeds the value into `hasher`. Both zeros, which are equal, have the same hash.
  @inlinable
  public func hash(into hasher: inout Hasher) { floatValue.hash(into: &hasher) }

  /// Returns `other` − `self`, correctly rounded.
  @inlinable
  public func distance(to other: BFloat16) -> BFloat16 { other - self }

  /// Returns `self` + `amount`, correctly rounded.
  @inlinable
  public func advanced(by amount: BFloat16) -> BFloat16 { self + amount }
}
