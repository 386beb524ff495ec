import KernelInterface
import Tensors
import Testing

/// Tests stochastic rounding of chosen values, by an update that produces them: −0 − (−1 · g).
@Suite struct StochasticRoundingTests {
  typealias Format = SixteenBitFormat

  /// Returns values rounded as elements of a tensor from index `first`.
  private func rounded(
    _ values: [Float], to type: ScalarType, key: UInt64, first: Int = 0, rows: Int = 1
  ) -> [UInt16] {
    var parameter = [UInt16](repeating: 0x8000, count: values.count)
    let columns = values.count / rows
    let factors = ([Float](repeating: -1, count: rows), [Float](repeating: 1, count: columns))
    parameter.withUnsafeMutableBytes { parameter in
      values.withUnsafeBytes { values in
        factors.0.withUnsafeBytes { rowFactors in
          factors.1.withUnsafeBytes { columnFactors in
            _ = Backend.swift.kernels.adafactor[type, .float32].updateFactored(
              MutableElements(parameter.baseAddress!, type),
              GradientPiece(
                Elements(values.baseAddress!, .float32), scale: 1, rows: rows, columns: columns,
                stride: columns),
              Elements(rowFactors.baseAddress!, .float32),
              Elements(columnFactors.baseAddress!, .float32),
              ParameterChange(shrinkage: 0, rounding: .stochastic(key: key, first: first)))
          }
        }
      }
    }
    return parameter
  }

  @Test(arguments: Format.all)
  func `Values of the type, infinities and NaN are unchanged`(format: Format) {
    let patterns = (0...UInt16.max).filter { !format.isNaN($0) }
    let values = patterns.map { Float(format.value($0)) }
    #expect(rounded(values, to: format.type, key: 1) == patterns)
    // If all bits of the payload are below the kept ones, truncation would give infinity.
    for bits: UInt32 in [0x7F80_0001, 0x7FFF_FFFF, 0x7FC0_0000, 0xFF80_0001, 0xFFFF_FFFF] {
      let found = rounded([Float(bitPattern: bits)], to: format.type, key: 1)[0]
      #expect(format.isNaN(found), "\(String(bits, radix: 16)) becomes \(String(found, radix: 16))")
    }
  }

  @Test(arguments: Format.all)
  func `Every value is rounded to one of its two neighbors`(format: Format) {
    let patterns = (0..<format.infinity).filter { $0 % 5 == 0 || $0 > format.infinity - 9 }
    for (part, sign) in [(0.001, 1), (0.37, -1), (0.5, 1), (0.9999, -1)] as [(Double, Float)] {
      let values = patterns.map { sign * format.between($0, part) }
      let found = rounded(values, to: format.type, key: 7)
      let wrong = zip(patterns, zip(values, found)).first { pattern, pair in
        let (value, found) = pair
        let isSigned = (found & 0x8000 != 0) == (value.sign == .minus)
        return !isSigned || found & 0x7FFF != pattern && found & 0x7FFF != pattern + 1
      }
      #expect(wrong == nil)
    }
  }

  @Test func `Float16 rounds to infinity from the power of two above its values`() {
    let values: [Float] = [65_536, 1e6, 3e38, -65_536, -3e38]
    #expect(
      rounded(values, to: .float16, key: 3) == [0x7C00, 0x7C00, 0x7C00, 0xFC00, 0xFC00])
  }

  /// Of n draws, n·part round up, with a standard deviation of √(n·part·(1−part)). Five standard deviations
  /// are exceeded once in two million cases. Two neighboring draws must be independent, too.
  @Test(arguments: Format.all)
  func `The mean of all draws is the value`(format: Format) {
    let count = 8192
    // Zero, subnormal, the least normal, 1, odd and even, the greatest.
    let one = format.type == .bfloat16 ? 0x3F80 : 0x3C00 as UInt16
    let least = UInt16(1) << format.significandBits
    var key: UInt64 = 0
    for pattern in [0, 1, least - 2, least, one, one + 1, format.infinity - 1] {
      for part in [0.0625, 0.5, 0.8125] {
        let value = format.between(pattern, part)
        key += 1
        let isUp = rounded([Float](repeating: value, count: count), to: format.type, key: key).map {
          $0 == pattern + 1
        }
        let pairs = zip(isUp, isUp.dropFirst()).filter { $0 && $1 }.count
        for (name, found, chance) in [
          ("up", isUp.filter { $0 }.count, part), ("pairs", pairs, part * part),
        ] {
          let expected = Double(count) * chance
          let deviation = (expected * (1 - chance)).squareRoot()
          // Neighboring pairs share a draw, which at most doubles the variance.
          let bound = 5 * deviation * (name == "pairs" ? 1.8 : 1) + 1
          #expect(
            (Double(found) - expected).magnitude < bound,
            "\(name) at \(value): \(found), not \(expected) ± \(bound)")
        }
      }
    }
  }

  @Test(arguments: Format.all)
  func `The mean over many keys is the value, too`(format: Format) {
    let (count, part) = (3000, 0.25)
    let pattern: UInt16 = 0x3C01
    let value = format.between(pattern, part)
    let ups = (0..<count).filter { key in
      rounded([value], to: format.type, key: UInt64(key), first: 5)[0] == pattern + 1
    }.count
    let expected = part * Double(count)
    #expect((Double(ups) - expected).magnitude < 5 * (expected * (1 - part)).squareRoot())
  }

  @Test(arguments: Format.all)
  func `Draws belong to elements, for any division into pieces`(format: Format) {
    let count = 6000
    let values = (0..<count).map { 1 + Float($0) / 6007 }
    let whole = rounded(values, to: format.type, key: 11)
    #expect(rounded(values, to: format.type, key: 11, rows: 30) == whole)
    for cut in [1, 8, 13, 2048, 5999] {
      let pieces =
        rounded(Array(values[..<cut]), to: format.type, key: 11)
        + rounded(Array(values[cut...]), to: format.type, key: 11, first: cut)
      #expect(pieces == whole, "cut at \(cut)")
    }
    #expect(rounded(values, to: format.type, key: 12) != whole)
    #expect(rounded(values, to: format.type, key: 11 + 1 << 32) != whole)
  }
}
