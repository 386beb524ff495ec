import KernelInterface
import SwiftKernels
import Testing

@Suite("Sixteen-bit elements in memory")
struct StoredScalarTests {
  @Test("Loads give the value of every bit pattern, in Float and in Double")
  func everyPatternLoads() {
    checkLoads(BFloat16.self, .bfloat16)
    checkLoads(Float16.self, .float16)
  }

  @Test("A load keeps the sign and the payload of a NaN")
  func everyNaNLoads() {
    checkNaNLoads(BFloat16.self, .bfloat16)
    checkNaNLoads(Float16.self, .float16)
  }

  @Test("A store of every representable value gives its own bits, and returns it")
  func everyValueStores() {
    checkIdentity(BFloat16.self, .bfloat16)
    checkIdentity(Float16.self, .float16)
  }

  @Test("Stores round the middle between any two values to even, and its neighbours to the nearer")
  func everyMiddleRounds() {
    checkMiddles(BFloat16.self, .bfloat16)
    checkMiddles(Float16.self, .float16)
  }

  @Test("A vector store equals the conversion of single values over all of Float")
  func denseSampleStores() {
    checkSample(BFloat16.self) { BFloat16($0).bitPattern }
    checkSample(Float16.self) { Float16($0).bitPattern }
  }

  @Test("A NaN is stored as a quiet NaN with its sign and the upper bits of its payload")
  func nanStores() {
    // The last ones lose every bit of their payload, or would carry into the sign.
    let patterns: [UInt32] = [
      0x7FC0_0000, 0xFFC0_0000, 0x7F80_0001, 0xFF80_0001, 0x7FBF_FFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x7FA5_5000,
    ]
    for pattern in patterns {
      let values = SIMD8<Float>(repeating: Float(bitPattern: pattern))
      let upper = UInt16(pattern >> 16)
      #expect(stored(values, as: BFloat16.self).bits == Array(repeating: upper | 0x0040, count: 8))
      let payload = UInt16((pattern >> 13) & 0x3FF)
      let half = (upper & 0x8000) | 0x7E00 | payload
      #expect(stored(values, as: Float16.self).bits == Array(repeating: half, count: 8))
    }
  }

  @Test("Float16 overflows to infinity from 65520 on, and not below")
  func float16Overflow() {
    let values = SIMD8<Float>(
      65_504, 65_519, Float(65_520).nextDown, 65_520, 65_536, 1e30, .infinity, -65_520)
    let bits = stored(values, as: Float16.self).bits
    #expect(bits == [0x7BFF, 0x7BFF, 0x7BFF, 0x7C00, 0x7C00, 0x7C00, 0x7C00, 0xFC00])
  }

  @Test("Partial vectors touch their own elements only, at any alignment", arguments: 0...8)
  func partialVectors(valid: Int) {
    checkPartial(BFloat16.self, .bfloat16, valid)
    checkPartial(Float16.self, .float16, valid)
  }

  // MARK: - For both types

  /// Eight elements with these bits, at an odd address, loaded.
  private func loaded<Element: StoredScalar, Number: Arithmetic>(
    _ patterns: [UInt16], from: Element.Type, as: Number.Type, valid: Int = 8
  ) -> SIMD8<Number> {
    var bytes: [UInt8] = [0]
    for pattern in patterns { withUnsafeBytes(of: pattern) { bytes.append(contentsOf: $0) } }
    return bytes.withUnsafeBytes { Element.load($0.baseAddress! + 1, 0, valid, as: Number.self) }
  }

  /// The bits that eight elements at an odd address have after a store, and what the store returned.
  private func stored<Element: StoredScalar, Number: Arithmetic>(
    _ values: SIMD8<Number>, as: Element.Type, valid: Int = 8, before: UInt16 = 0xABCD
  ) -> (bits: [UInt16], returned: SIMD8<Number>) {
    withUnsafeTemporaryAllocation(byteCount: 17, alignment: 2) { memory in
      let base = memory.baseAddress! + 1
      for lane in 0..<8 { base.storeBytes(of: before, toByteOffset: 2 * lane, as: UInt16.self) }
      let returned = Element.store(values, base, 0, valid)
      return ((0..<8).map { base.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self) }, returned)
    }
  }

  private func groupsOfEight(_ patterns: some Sequence<UInt16>) -> [[UInt16]] {
    let patterns = Array(patterns)
    return stride(from: 0, to: patterns.count, by: 8).map { start in
      // The last group repeats its last pattern.
      (start..<start + 8).map { patterns[min($0, patterns.count - 1)] }
    }
  }

  private func checkLoads<Element: StoredScalar>(_ type: Element.Type, _ format: SixteenBitFormat) {
    var wrong: [UInt16] = []
    for group in groupsOfEight((0...UInt16.max).filter { !format.isNaN($0) }) {
      let floats = loaded(group, from: type, as: Float.self)
      let doubles = loaded(group, from: type, as: Double.self)
      for (lane, pattern) in group.enumerated() {
        let value = format.value(pattern)
        let same = Double(floats[lane]) == value && doubles[lane] == value
        if !same || floats[lane].sign != value.sign || doubles[lane].sign != value.sign {
          wrong.append(pattern)
        }
      }
    }
    #expect(wrong.isEmpty, "\(type): \(wrong.count) patterns, the first \(wrong.prefix(8))")
  }

  private func checkNaNLoads<Element: StoredScalar>(_ type: Element.Type, _ format: SixteenBitFormat) {
    var wrong: [UInt16] = []
    for group in groupsOfEight((0...UInt16.max).filter { format.isNaN($0) }) {
      let floats = loaded(group, from: type, as: Float.self)
      for (lane, pattern) in group.enumerated() {
        let sign = UInt32(pattern & 0x8000) << 16
        let payload = UInt32(pattern & ~(0x8000 | format.infinity)) << (23 - UInt32(format.significandBits))
        // Processors differ in whether a conversion makes a signaling NaN quiet.
        let expected = sign | 0x7FC0_0000 | payload
        if floats[lane].bitPattern | 0x0040_0000 != expected || !floats[lane].isNaN { wrong.append(pattern) }
      }
    }
    #expect(wrong.isEmpty, "\(type): \(wrong.count) patterns, the first \(wrong.prefix(8))")
  }

  private func checkIdentity<Element: StoredScalar>(_ type: Element.Type, _ format: SixteenBitFormat) {
    var wrong: [UInt16] = []
    for group in groupsOfEight((0...UInt16.max).filter { !format.isNaN($0) }) {
      var doubles = SIMD8<Double>()
      for (lane, pattern) in group.enumerated() { doubles[lane] = format.value(pattern) }
      let fromFloat = stored(SIMD8<Float>(doubles), as: type)
      let fromDouble = stored(doubles, as: type)
      let same = fromFloat.bits == group && fromDouble.bits == group
      if !same || fromFloat.returned != SIMD8<Float>(doubles) || fromDouble.returned != doubles {
        wrong += group
      }
    }
    #expect(wrong.isEmpty, "\(type): \(wrong.count) patterns, the first \(wrong.prefix(8))")
  }

  private func checkMiddles<Element: StoredScalar>(_ type: Element.Type, _ format: SixteenBitFormat) {
    var wrong: [Double] = []
    for pattern in 0..<format.infinity {
      let below = format.magnitude(pattern)
      let above = format.magnitude(pattern + 1)
      let middle = Float((below + above) / 2)
      let floats = SIMD8<Float>(
        middle, middle.nextDown, middle.nextUp, Float(below).nextUp, Float(above).nextDown, -middle,
        -middle.nextDown,
        -middle.nextUp)
      // Beside the middle by less than Float can tell.
      let exact = Double(middle)
      let doubles = SIMD8<Double>(
        exact, exact.nextDown, exact.nextUp, below.nextUp, above.nextDown, -exact, -exact.nextDown,
        -exact.nextUp)
      let fromFloat = stored(floats, as: type)
      let fromDouble = stored(doubles, as: type)
      for lane in 0..<8 {
        let nearest = format.nearest(Double(floats[lane]))
        let single = Element(floats[lane])
        if fromFloat.bits[lane] != nearest || fromFloat.returned[lane] != Float(format.value(nearest))
          || single.doubleValue != format.value(nearest)
        {
          wrong.append(Double(floats[lane]))
        }
        let nearestToDouble = format.nearest(doubles[lane])
        if fromDouble.bits[lane] != nearestToDouble
          || fromDouble.returned[lane] != format.value(nearestToDouble)
          || Element(doubles[lane]).doubleValue != format.value(nearestToDouble)
        {
          wrong.append(doubles[lane])
        }
      }
    }
    #expect(wrong.isEmpty, "\(type): \(wrong.count) values, the first \(wrong.prefix(8))")
  }

  private func checkSample<Element: StoredScalar>(_ type: Element.Type, _ convert: (Float) -> UInt16) {
    var wrong: [UInt32] = []
    // A prime, so that the bits vary in every place and every lane meets every kind of value.
    let step: UInt32 = 4_099
    var pattern: UInt32 = 0
    var isComplete = false
    while !isComplete {
      var values = SIMD8<Float>()
      var expected: [UInt16] = []
      for lane in 0..<8 {
        values[lane] = Float(bitPattern: pattern)
        expected.append(convert(values[lane]))
        let next = pattern.addingReportingOverflow(step)
        pattern = next.partialValue
        isComplete = isComplete || next.overflow
      }
      if stored(values, as: type).bits != expected {
        wrong += (0..<8).map { values[$0].bitPattern }
      }
    }
    #expect(wrong.isEmpty, "\(type): \(wrong.count) patterns, the first \(wrong.prefix(8))")
  }

  private func checkPartial<Element: StoredScalar>(
    _ type: Element.Type, _ format: SixteenBitFormat, _ valid: Int
  ) {
    let values = SIMD8<Float>(1.003, -2.71, 3.14159, 1e-6, -65_000, 7, 1e-30, 0.1)
    let untouched: UInt16 = 0xABCD
    let expected = (0..<8).map { $0 < valid ? format.nearest(Double(values[$0])) : untouched }
    let result = stored(values, as: type, valid: valid, before: untouched)
    #expect(result.bits == expected)
    let reloaded = loaded(expected, from: type, as: Float.self, valid: valid)
    for lane in 0..<8 {
      let value = lane < valid ? Float(format.value(expected[lane])) : 0
      #expect(result.returned[lane] == value)
      #expect(reloaded[lane] == value)
    }
  }
}
