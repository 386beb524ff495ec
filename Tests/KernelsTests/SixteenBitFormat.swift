import KernelInterface
import Testing

/// The definition of a 16-bit floating-point format in Double, which is the oracle of the conversion tests.
struct SixteenBitFormat: Sendable, CustomTestStringConvertible {
  let type: ScalarType
  let exponentBits: Int
  let significandBits: Int

  static let bfloat16 = SixteenBitFormat(type: .bfloat16, exponentBits: 8, significandBits: 7)
  static let float16 = SixteenBitFormat(type: .float16, exponentBits: 5, significandBits: 10)
  static let all = [bfloat16, float16]

  var testDescription: String { type.rawValue }

  /// The bits of infinity, one more than the bits of the greatest finite value.
  var infinity: UInt16 { UInt16((1 << exponentBits) - 1) << significandBits }

  /// Returns the value of a pattern without its sign. No exponent is special: infinity is the next power of
  /// two.
  func magnitude(_ pattern: UInt16) -> Double {
    let bits = Int(pattern & 0x7FFF)
    let exponent = bits >> significandBits
    let significand = bits & ((1 << significandBits) - 1)
    let bias = (1 << (exponentBits - 1)) - 1
    let leading = exponent == 0 ? 0 : 1 << significandBits
    return Double(
      sign: .plus, exponent: max(exponent, 1) - bias - significandBits,
      significand: Double(leading + significand))
  }

  /// Returns the value that is `part` of the way from the magnitude of a pattern to the next.
  func between(_ pattern: UInt16, _ part: Double) -> Float {
    let (below, above) = (magnitude(pattern), magnitude(pattern + 1))
    return Float(below + part * (above - below))
  }

  /// Returns the value of a pattern that is not a NaN.
  func value(_ pattern: UInt16) -> Double {
    let magnitude = pattern & 0x7FFF == infinity ? Double.infinity : magnitude(pattern)
    return pattern & 0x8000 == 0 ? magnitude : -magnitude
  }

  /// Returns whether the pattern is a NaN.
  func isNaN(_ pattern: UInt16) -> Bool { pattern & 0x7FFF > infinity }

  /// Returns the pattern of the value nearest to `value`, which is not a NaN. Of two equally near values, the
  /// one with an even last bit is returned.
  func nearest(_ value: Double) -> UInt16 {
    let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
    let target = value.magnitude
    // The greatest pattern that is not above the value.
    var below: UInt16 = 0
    var above = infinity
    guard target < magnitude(above) else { return sign | above }
    while above - below > 1 {
      let middle = below + (above - below) / 2
      if magnitude(middle) <= target { below = middle } else { above = middle }
    }
    let toBelow = target - magnitude(below)
    let toAbove = magnitude(above) - target
    if toBelow == toAbove { return sign | (below % 2 == 0 ? below : above) }
    return sign | (toBelow < toAbove ? below : above)
  }
}
