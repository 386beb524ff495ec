// Every operation here is correctly rounded: the exact result, rounded once to nearest, ties to even.
//
// Sum, difference, product, quotient and square root are computed in Float and rounded again. Two roundings give what
// one would where the wider type has at least 2p + 2 bits for p bits of result: 24 ≥ 2·8 + 2. For subnormal results,
// where Float has fewer bits, it holds as well: sums there are exact; a product's sixteen bits are exact in Float down
// to 2⁻¹³⁴, half the least magnitude, below which every result is zero; and a quotient of two eight-bit numbers above
// that is at least 2⁻¹⁴⁹ away from each middle between two results that it does not hit.
//
// The fused product and sum has no such bound and is rounded to odd in between.

extension BFloat16 {
  /// The sum, correctly rounded.
  @inlinable
  public static func + (left: BFloat16, right: BFloat16) -> BFloat16 {
    BFloat16(left.floatValue + right.floatValue)
  }

  /// The difference, correctly rounded.
  @inlinable
  public static func - (left: BFloat16, right: BFloat16) -> BFloat16 {
    BFloat16(left.floatValue - right.floatValue)
  }

  /// The product, correctly rounded.
  @inlinable
  public static func * (left: BFloat16, right: BFloat16) -> BFloat16 {
    BFloat16(left.floatValue * right.floatValue)
  }

  /// The quotient, correctly rounded.
  @inlinable
  public static func / (left: BFloat16, right: BFloat16) -> BFloat16 {
    BFloat16(left.floatValue / right.floatValue)
  }

  /// `left` becomes the sum, correctly rounded.
  @inlinable
  public static func += (left: inout BFloat16, right: BFloat16) { left = left + right }

  /// `left` becomes the difference, correctly rounded.
  @inlinable
  public static func -= (left: inout BFloat16, right: BFloat16) { left = left - right }

  /// `left` becomes the product, correctly rounded.
  @inlinable
  public static func *= (left: inout BFloat16, right: BFloat16) { left = left * right }

  /// `left` becomes the quotient, correctly rounded.
  @inlinable
  public static func /= (left: inout BFloat16, right: BFloat16) { left = left / right }

  /// The value with the other sign, NaN and zero included.
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

  /// Replaces the value by its square root, correctly rounded.
  @inlinable
  public mutating func formSquareRoot() { self = BFloat16(floatValue.squareRoot()) }

  /// Replaces the value by its remainder by `other` for the quotient rounded to nearest: exact.
  @inlinable
  public mutating func formRemainder(dividingBy other: BFloat16) {
    self = BFloat16(floatValue.remainder(dividingBy: other.floatValue))
  }

  /// Replaces the value by its remainder by `other` for the quotient rounded toward zero: exact.
  @inlinable
  public mutating func formTruncatingRemainder(dividingBy other: BFloat16) {
    self = BFloat16(floatValue.truncatingRemainder(dividingBy: other.floatValue))
  }

  /// Replaces the value by an integer: exact.
  @inlinable
  public mutating func round(_ rule: FloatingPointRoundingRule) {
    self = BFloat16(floatValue.rounded(rule))
  }

  /// Adds `left` · `right`, rounding once.
  public mutating func addProduct(_ left: BFloat16, _ right: BFloat16) {
    // The product is exact in Double, and so are the sum and its rounding error together. A sum that lost something is
    // moved to its neighbour with an odd last bit: nothing that lies between two Doubles can then look like a tie.
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
  /// Whether the values are equal: zeros are, whatever their sign; NaN equals nothing.
  @inlinable
  public static func == (left: BFloat16, right: BFloat16) -> Bool { left.floatValue == right.floatValue }

  /// Whether `left` is less than `right`; false where one is NaN.
  @inlinable
  public static func < (left: BFloat16, right: BFloat16) -> Bool { left.floatValue < right.floatValue }

  /// Whether the values are equal: zeros are, whatever their sign; NaN equals nothing.
  @inlinable
  public func isEqual(to other: BFloat16) -> Bool { self == other }

  /// Whether this value is less than `other`; false where one is NaN.
  @inlinable
  public func isLess(than other: BFloat16) -> Bool { self < other }

  /// Whether this value is at most `other`; false where one is NaN.
  @inlinable
  public func isLessThanOrEqualTo(_ other: BFloat16) -> Bool { floatValue <= other.floatValue }

  /// Feeds the value into `hasher`: the same for both zeros, which are equal.
  @inlinable
  public func hash(into hasher: inout Hasher) { floatValue.hash(into: &hasher) }

  /// `other` − `self`, correctly rounded.
  @inlinable
  public func distance(to other: BFloat16) -> BFloat16 { other - self }

  /// `self` + `amount`, correctly rounded.
  @inlinable
  public func advanced(by amount: BFloat16) -> BFloat16 { self + amount }
}
