extension BFloat16: CustomStringConvertible {
  /// The shortest decimal number that `init(_:)` reads as this value: "0.1", though the value is 0.10009765625.
  public var description: String {
    isFinite && !isZero ? shortestDecimal.description : floatValue.description
  }

  /// The decimal of the fewest digits that rounds to this value, and the closest of those, as the `Float` that prints so.
  private var shortestDecimal: Float {
    let value = doubleValue.magnitude
    // The power of ten of the first digit: log₁₀ 2 times the binary exponent is at most one too low.
    var power = Int((Double(exponent) * 0.301_029_995_663_981_2).rounded(.down))
    if let next = Double("1e\(power + 1)"), value >= next { power += 1 }
    // Four digits tell any two values apart.
    for place in stride(from: power, through: power - 3, by: -1) {
      guard let unit = Double("1e\(place)") else { break }
      let below = Int((value / unit).rounded(.down))
      // The decimals around the value. The further one can be the only one that rounds to it, next to a power of two.
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
  /// As `description`; for a NaN its sign, kind and payload as well.
  public var debugDescription: String {
    guard isNaN else { return description }
    let payload = bitPattern & 0x1F
    let kind = (sign == .minus ? "-" : "") + (isSignalingNaN ? "snan" : "nan")
    return payload == 0 ? kind : kind + "(0x" + String(payload, radix: 16) + ")"
  }
}

extension BFloat16: LosslessStringConvertible {
  /// The number that `text` names, as `Double` reads it, rounded to nearest, ties to even; nil where it names none.
  ///
  /// A decimal within one part in 10¹⁶ of the middle between two values counts as that middle.
  public init?<Text: StringProtocol>(_ text: Text) {
    guard let value = Double(text) else { return nil }
    self.init(value)
  }
}
