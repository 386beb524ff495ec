import KernelInterface
import Testing

@Suite struct BFloat16Tests {
  private let format = SixteenBitFormat.bfloat16

  /// Every bit pattern that is not a NaN.
  private var numbers: [BFloat16] {
    (0...UInt16.max).filter { !format.isNaN($0) }.map { BFloat16(bitPattern: $0) }
  }

  @Test func `Constants have the values of the format`() {
    #expect(BFloat16.greatestFiniteMagnitude.doubleValue == 0x1.FEp127)
    #expect(BFloat16.leastNormalMagnitude.doubleValue == 0x1p-126)
    #expect(BFloat16.leastNonzeroMagnitude.doubleValue == 0x1p-133)
    #expect(BFloat16.ulpOfOne.doubleValue == 0x1p-7)
    #expect(BFloat16.infinity.doubleValue == .infinity)
    #expect(BFloat16.pi.doubleValue <= .pi && BFloat16.pi.nextUp.doubleValue > .pi)
    #expect(BFloat16.nan.isNaN && !BFloat16.nan.isSignalingNaN)
    #expect(BFloat16.signalingNaN.isNaN && BFloat16.signalingNaN.isSignalingNaN)
    #expect(BFloat16.radix == 2)
  }

  @Test func `Every value has the same sign, exponent and significand as in Double`() {
    var wrong: [UInt16] = []
    for number in numbers {
      let value = format.value(number.bitPattern)
      let same =
        number.doubleValue == value && number.sign == value.sign && number.exponent == value.exponent
        && number.significand.doubleValue == value.significand
        && number.significandWidth == value.significandWidth
        && number.isFinite == value.isFinite && number.isInfinite == value.isInfinite
        && number.isZero == value.isZero && !number.isNaN
        && number.isSubnormal == (value != 0 && value.magnitude < 0x1p-126)
        && number.isNormal == (value.isFinite && value.magnitude >= 0x1p-126)
        && number.magnitude.doubleValue == value.magnitude && (-number).doubleValue == -value
        && (-number).sign != number.sign
        && (!number.isFinite || number.binade.doubleValue == value.binade)
        && BFloat16(
          sign: number.sign, exponentBitPattern: number.exponentBitPattern,
          significandBitPattern: number.significandBitPattern
        ).bitPattern == number.bitPattern
      let rebuilt =
        number.isFinite && !number.isZero
        ? BFloat16(sign: number.sign, exponent: number.exponent, significand: number.significand) : number
      if !same || rebuilt.bitPattern != number.bitPattern { wrong.append(number.bitPattern) }
    }
    #expect(wrong.isEmpty, "\(wrong.count) patterns, the first \(wrong.prefix(8))")
  }

  @Test func `nextUp is the next greater value, and ulp is the distance to the next larger magnitude`() {
    let ordered = numbers.filter { $0.bitPattern != 0x8000 }
      .sorted { format.value($0.bitPattern) < format.value($1.bitPattern) }
    for (below, above) in zip(ordered, ordered.dropFirst()) {
      #expect(below.nextUp == above && above.nextDown == below)
    }
    #expect(BFloat16.infinity.nextUp == .infinity)
    #expect(BFloat16(bitPattern: 0x8000).nextUp == .leastNonzeroMagnitude)
    for pattern in 0..<format.infinity {
      let ulp = format.magnitude(pattern + 1) - format.magnitude(pattern)
      #expect(BFloat16(bitPattern: pattern).ulp.doubleValue == ulp)
      #expect((-BFloat16(bitPattern: pattern)).ulp.doubleValue == ulp)
    }
    #expect(BFloat16.infinity.ulp.isNaN && BFloat16.nan.ulp.isNaN)
  }

  @Test func `Sums, differences, products, quotients and roots are correctly rounded`() {
    var wrong: [String] = []
    func check(_ result: BFloat16, _ exact: Double, _ operation: String) {
      let matches = exact.isNaN ? result.isNaN : result.bitPattern == format.nearest(exact)
      if !matches { wrong.append(operation) }
    }
    var generator = TestGenerator(state: 5)
    let special: [UInt16] = [
      0, 1, 2, 0x7F, 0x80, 0x81, 0x3F80, 0x3F81, 0x7F7F, 0x7F80, 0x8000, 0x8001, 0xFF7F,
    ]
    let near = (0..<24).map { _ in UInt16.random(in: 0x3E80...0x40FF, using: &generator) }
    let small = (0..<24).map { _ in UInt16.random(in: 0...0x200, using: &generator) }
    let any = (0..<64).map { _ in UInt16.random(in: 0...UInt16.max, using: &generator) }
    // Products and quotients of these reach the subnormal range.
    let middle = (0..<24).map { _ in UInt16.random(in: 0x1F00...0x2100, using: &generator) }
    let all = (special + near + small + any + middle).filter { !format.isNaN($0) }
    for left in all {
      let x = BFloat16(bitPattern: left)
      let a = format.value(left)
      check(x.squareRoot(), a.squareRoot(), "√\(a)")
      for right in all {
        let y = BFloat16(bitPattern: right)
        let b = format.value(right)
        check(x + y, a + b, "\(a) + \(b)")
        check(x - y, a - b, "\(a) − \(b)")
        check(x * y, a * b, "\(a) · \(b)")
        check(x / y, a / b, "\(a) / \(b)")
        check(x.remainder(dividingBy: y), a.remainder(dividingBy: b), "\(a) rem \(b)")
        let truncating = a.truncatingRemainder(dividingBy: b)
        check(x.truncatingRemainder(dividingBy: y), truncating, "\(a) mod \(b)")
        #expect((x < y) == (a < b) && (x == y) == (a == b) && (x <= y) == (a <= b))
      }
    }
    #expect(wrong.isEmpty, "\(wrong.count) operations, the first \(wrong.prefix(4))")
    var number: BFloat16 = 3
    number += 2
    number *= 4
    number -= 8
    number /= 3
    #expect(number == 4)
  }

  @Test func `A fused multiply-add is rounded once, for terms of any magnitude`() {
    // 259 = 7 · 37 is the midpoint of 258 and 260, and 261 = 9 · 29 of 260 and 262.
    let tiny = BFloat16(0x1p-100)
    #expect(BFloat16(0).addingProduct(7, 37) == 260)
    #expect((-tiny).addingProduct(7, 37) == 258)
    #expect(tiny.addingProduct(7, 37) == 260)
    #expect(BFloat16(0).addingProduct(9, 29) == 260)
    #expect(tiny.addingProduct(9, 29) == 262)
    #expect((-tiny).addingProduct(9, 29) == 260)
    #expect((-tiny).addingProduct(-9, 29) == -262)
    #expect(BFloat16.infinity.addingProduct(2, 3) == .infinity)
    #expect(BFloat16.infinity.addingProduct(-.infinity, 1).isNaN)
    #expect(BFloat16(-1).addingProduct(.greatestFiniteMagnitude, 2) == .infinity)
  }

  @Test func `Rounding to an integer follows the rule`() {
    #expect(BFloat16(2.5).rounded() == 3)
    #expect(BFloat16(2.5).rounded(.toNearestOrEven) == 2)
    #expect(BFloat16(-2.5).rounded(.down) == -3)
    #expect(BFloat16(-2.5).rounded(.towardZero) == -2)
  }

  @Test func `NaN equals nothing, is unordered, and keeps its payload`() {
    let quiet = BFloat16(bitPattern: 0x7FC0)
    let other = BFloat16(bitPattern: 0x7FC0)
    #expect(quiet != other && quiet != 1)
    #expect(!(quiet < 1) && !(quiet > 1) && !(quiet <= other) && !(quiet >= other))
    #expect((-quiet).sign == .minus && (-quiet).isNaN)
    #expect((quiet + 1).isNaN && BFloat16(Double.nan).isNaN && BFloat16(Float.signalingNaN).isNaN)
    #expect(!BFloat16(Float.signalingNaN).isSignalingNaN)
    #expect(BFloat16(nan: 5, signaling: false).bitPattern == 0x7FC5)
    #expect(BFloat16(nan: 0, signaling: true).isSignalingNaN)
    #expect(BFloat16(nan: 5, signaling: true).debugDescription == "snan(0x5)")
    #expect((-quiet).debugDescription == "-nan")
  }

  @Test func `Both zeros are equal and hash the same`() {
    let negative = -BFloat16.zero
    #expect(negative == 0 && negative.sign == .minus && negative.bitPattern == 0x8000)
    #expect(Set([negative, 0, 1]).count == 2)
    #expect(BFloat16().bitPattern == 0)
  }

  @Test func `Integers are rounded once, and exact initializers refuse rounding`() {
    #expect(BFloat16(257) == 256)
    #expect(BFloat16(259) == 260)
    #expect(BFloat16(exactly: 257) == nil)
    #expect(BFloat16(exactly: 258) == 258)
    // One more than a midpoint, by less than Double can represent.
    #expect(BFloat16((257 << 54) as Int) == BFloat16(Double(256 << 54)))
    #expect(BFloat16((257 << 54) + 1 as Int) == BFloat16(Double(258 << 54)))
    #expect(BFloat16(UInt64.max).doubleValue == 0x1p64)
    #expect(BFloat16(Int64.min).doubleValue == -0x1p63)
    let literal: BFloat16 = 4_629_700_416_936_869_889
    #expect(literal.doubleValue == 258 * 0x1p54)
    #expect(Int(BFloat16(-260)) == -260)
  }

  @Test func `Conversion from every other floating-point type rounds once`() {
    for pattern in 0...UInt16.max {
      let half = Float16(bitPattern: pattern)
      guard !half.isNaN else { continue }
      let nearest = format.nearest(Double(half))
      #expect(BFloat16(half).bitPattern == nearest)
      #expect(generic(half).bitPattern == nearest)
    }
    for number in numbers {
      let value = format.value(number.bitPattern)
      #expect(Float(number) == Float(value) && Double(number) == value)
      #expect(generic(value).bitPattern == number.bitPattern)
      #expect(BFloat16(exactly: value)?.bitPattern == number.bitPattern)
      #expect(Double(exactly: number) == value)
      #expect(genericDouble(number) == value)
    }
    #expect(generic(1 + 0x1p-8 + 0x1p-50) == 1 + .ulpOfOne)
    #expect(BFloat16(exactly: 1 + 0x1p-8) == nil)
  }

  private func generic<Source: BinaryFloatingPoint>(_ value: Source) -> BFloat16 { BFloat16(value) }

  private func genericDouble<Source: BinaryFloatingPoint>(_ value: Source) -> Double { Double(value) }

  @Test func `Strides and random numbers work as for other types`() {
    #expect(Array(stride(from: BFloat16(0), to: 1, by: 0.25)) == [0, 0.25, 0.5, 0.75])
    #expect(BFloat16(3).distance(to: 1) == -2 && BFloat16(3).advanced(by: 2) == 5)
    for _ in 0..<100 {
      #expect((BFloat16(-2)..<3).contains(BFloat16.random(in: -2..<3)))
    }
  }
}

/// A generator with the same numbers in every run.
private struct TestGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
