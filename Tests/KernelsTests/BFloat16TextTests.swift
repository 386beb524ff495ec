import Foundation
import KernelInterface
import Testing

@Suite struct BFloat16TextTests {
  private let format = SixteenBitFormat.bfloat16

  @Test func `Known values print with the fewest digits`() {
    let expected: [(BFloat16, String)] = [
      (0.1, "0.1"), (1, "1.0"), (-2.5, "-2.5"), (.pi, "3.14"), (256, "256.0"), (0, "0.0"), (-0.0, "-0.0"),
      (.greatestFiniteMagnitude, "3.39e+38"), (.leastNonzeroMagnitude, "9e-41"), (.infinity, "inf"),
      (.nan, "nan"), (1 + .ulpOfOne, "1.01"),
    ]
    for (value, text) in expected {
      #expect(value.description == text)
    }
  }

  @Test func `Every number can be read back from its text, which has no unnecessary digit`() throws {
    var wrong: [String] = []
    for pattern in 1..<format.infinity {
      let number = BFloat16(bitPattern: pattern)
      let text = number.description
      if BFloat16(text)?.bitPattern != pattern || BFloat16("-" + text) != -number { wrong.append(text) }
      let digits = significantDigits(text)
      if digits > 1, isThereDecimal(digits: digits - 1, for: pattern) { wrong.append(text) }
    }
    #expect(wrong.isEmpty, "\(wrong.count) texts, the first \(wrong.prefix(8))")
  }

  @Test func `Text that is not a number gives nil`() {
    #expect(BFloat16("") == nil && BFloat16("1,5") == nil && BFloat16("one") == nil)
    #expect(BFloat16("1e400") == .infinity && BFloat16("nan")?.isNaN == true)
    #expect(BFloat16("x2.5".dropFirst()) == 2.5)
  }

  @Test func `Numbers are encoded as numbers`() throws {
    let numbers: [BFloat16] = [0.1, -3, 1e30, .leastNonzeroMagnitude]
    let data = try JSONEncoder().encode(numbers)
    #expect(try JSONDecoder().decode([BFloat16].self, from: data) == numbers)
    #expect(try JSONDecoder().decode([BFloat16].self, from: Data("[2.5, 257]".utf8)) == [2.5, 256])
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([BFloat16].self, from: Data("[3.4e38]".utf8))
    }
  }

  private func significantDigits(_ text: String) -> Int {
    let mantissa = text.prefix { $0 != "e" }.filter { $0 != "." }.drop { $0 == "0" }
    return mantissa.reversed().drop { $0 == "0" }.count
  }

  /// Returns whether a decimal with this number of digits is clearly between the midpoints around a value.
  private func isThereDecimal(digits: Int, for pattern: UInt16) -> Bool {
    let value = format.magnitude(pattern)
    let low = (format.magnitude(pattern - 1) + value) / 2
    let high = (value + format.magnitude(pattern + 1)) / 2
    let place = Int(log10(value).rounded(.down)) - digits + 1
    let unit = pow(10, Double(place))
    // The ends don't count, nor do numbers that the rounding of this quotient could have moved across an end.
    return (low / unit * (1 + 1e-12)).rounded(.up) < high / unit * (1 - 1e-12)
  }
}
