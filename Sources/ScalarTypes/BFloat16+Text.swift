extension BFloat16: CustomStringConvertible {
  /// The shortest decimal number that `init(_:)` reads as this value, such as "0.1" for the value
  /// 0.10009765625.
  public var description: String {
    isFinite && !isZero ? shortestDecimal.description : floatValue.description
  }

  /// The decimal with the fewest digits that rounds to this value, and the closest of these, as the `Float`
  /// that prints this way.
  private var shortestDecimal: Float {
    let value = doubleValue.magnitude
    // The power of ten of the first digit: log₁₀ 2 times the binary exponent is at most one too low.
    var power = Int((Double(exponent) * 0.301_029_995_663_981_2).rounded(.down))
    if let next = Double("1e\(power + 1)"), value >= next { power += 1 }
    // Four digits distinguish any two values.
    for place in stride(from: power, through: power - 3, by: -1) {
      guard let unit = Double("1e\(place)") else { break }
      let below = Int((value / unit).rounded(.down))
      // The decimals below and above the value. Next to a power of two, only the more distant one may round
      // to the value.
      let candidates = [below, below + 1]
        .compactMap { Double("\($0)e\(place)") }
        .filter { BFloat16($0) == magnitude }
      if let closest = candidates.min(by: { abs($0 - value) < abs($1 - value) }) {
        return Float(sign == .minus ? -closest : closest)
      }
    }
    return floatValue
  }
}

extension BFloat16: CustomDebugStringConvertible {
  /// The same as `description`, or for NaN its sign, kind and payload.
  public var debugDescription: String {
    guard isNaN else { return description }
    let payload = bitPattern & 0x1F
    let kind = (sign == .minus ? "-" : "") + (isSignalingNaN ? "snan" : "nan")
    return payload == 0 ? kind : kind + "(0x" + String(payload, radix: 16) + ")"
  }
}

extension BFloat16: LosslessStringConvertible {
  /// Creates the number that `text` contains, as `Double` reads it, rounded to nearest, ties to even. Returns
  /// `nil` if there is none.
  ///
  /// A decimal within one part in 10¹⁶ of the midpoint between two values counts as the midpoint.
  public init?<Text: StringProtocol>(_ text: Text) {
    guard let value = Double(text) else { return nil }
    self.init(value)
  }
}
