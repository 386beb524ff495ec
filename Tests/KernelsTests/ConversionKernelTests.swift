import KernelInterface
import Tensors
import TestSupport
import Testing

/// Tests the conversion of elements between types. No backend overrides it.
@Suite struct ConversionKernelTests {
  private let conversion = Backend.swift.kernels.conversion

  // MARK: Reading

  @Test(arguments: SixteenBitFormat.all)
  func `Every bit pattern is read with its value, in Float and in Double`(format: SixteenBitFormat) {
    let patterns = (0...UInt16.max).filter { !format.isNaN($0) }
    let floats = read(patterns, format, as: Float.self)
    let doubles = read(patterns, format, as: Double.self)
    let wrong = patterns.indices.filter { index in
      let value = format.value(patterns[index])
      return Double(floats[index]) != value || doubles[index] != value || floats[index].sign != value.sign
        || doubles[index].sign != value.sign
    }
    #expect(wrong.isEmpty, "\(wrong.count) patterns, the first \(wrong.prefix(8).map { patterns[$0] })")
  }

  @Test(arguments: SixteenBitFormat.all)
  func `Reading keeps the sign and the payload of a NaN`(format: SixteenBitFormat) {
    let patterns = (0...UInt16.max).filter { format.isNaN($0) }
    let wrong = zip(patterns, read(patterns, format, as: Float.self)).filter { pattern, float in
      let sign = UInt32(pattern & 0x8000) << 16
      let payload = UInt32(pattern & ~(0x8000 | format.infinity)) << (23 - UInt32(format.significandBits))
      // Processors differ in whether a conversion makes a signaling NaN quiet.
      return float.bitPattern | 0x0040_0000 != sign | 0x7FC0_0000 | payload || !float.isNaN
    }
    #expect(wrong.isEmpty, "\(wrong.count) patterns, the first \(wrong.prefix(8).map(\.0))")
  }

  // MARK: Writing

  @Test(arguments: SixteenBitFormat.all)
  func `Writing a value of the type preserves its bits`(format: SixteenBitFormat) {
    let patterns = (0...UInt16.max).filter { !format.isNaN($0) }
    let values = patterns.map { format.value($0) }
    #expect(written(values.map { Float($0) }, format) == patterns)
    #expect(written(values, format) == patterns)
  }

  @Test(arguments: SixteenBitFormat.all)
  func `Writing rounds a midpoint to even, and numbers next to it to the nearer value`(
    format: SixteenBitFormat
  ) {
    var (floats, doubles): ([Float], [Double]) = ([], [])
    for pattern in 0..<format.infinity {
      let below = format.magnitude(pattern)
      let above = format.magnitude(pattern + 1)
      let middle = Float((below + above) / 2)
      floats += [middle, middle.nextDown, middle.nextUp, Float(below).nextUp, Float(above).nextDown, -middle]
      floats += [-middle.nextDown, -middle.nextUp]
      // Differs from the midpoint by less than Float can represent.
      let exact = Double(middle)
      doubles += [exact, exact.nextDown, exact.nextUp, below.nextUp, above.nextDown, -exact, -exact.nextDown]
      doubles.append(-exact.nextUp)
    }
    check(floats.map { Double($0) }, written(floats, format), floats.map { single($0, format) }, format)
    check(doubles, written(doubles, format), doubles.map { single($0, format) }, format)
  }

  private func check(
    _ values: [Double], _ written: [UInt16], _ single: [UInt16], _ format: SixteenBitFormat
  ) {
    let wrong = values.indices.filter {
      let nearest = format.nearest(values[$0])
      return written[$0] != nearest || single[$0] != nearest
    }
    #expect(wrong.isEmpty, "\(wrong.count) values, the first \(wrong.prefix(8).map { values[$0] })")
  }

  @Test(arguments: SixteenBitFormat.all)
  func `Writing equals the conversion of single values over all of Float`(format: SixteenBitFormat) {
    // A prime, so that the bits vary in every place and every lane gets every kind of value.
    let patterns = Array(stride(from: 0, through: UInt32.max, by: 4_099))
    let values = patterns.map { Float(bitPattern: $0) }
    let found = written(values, format)
    let wrong = patterns.indices.filter { found[$0] != single(values[$0], format) }
    #expect(wrong.isEmpty, "\(wrong.count) patterns, the first \(wrong.prefix(8).map { patterns[$0] })")
  }

  /// The last patterns lose every bit of their payload, or would carry into the sign.
  @Test(
    arguments: [
      0x7FC0_0000, 0xFFC0_0000, 0x7F80_0001, 0xFF80_0001, 0x7FBF_FFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x7FA5_5000,
    ] as [UInt32])
  func `A NaN is written as a quiet NaN with its sign and the upper bits of its payload`(pattern: UInt32) {
    let values = [Float](repeating: Float(bitPattern: pattern), count: 11)
    let upper = UInt16(pattern >> 16)
    #expect(written(values, .bfloat16) == Array(repeating: upper | 0x0040, count: 11))
    let half = (upper & 0x8000) | 0x7E00 | UInt16((pattern >> 13) & 0x3FF)
    #expect(written(values, .float16) == Array(repeating: half, count: 11))
  }

  @Test func `Float16 overflows to infinity from 65520, and not below`() {
    let values: [Float] = [
      65_504, 65_519, Float(65_520).nextDown, 65_520, 65_536, 1e30, .infinity, -65_520,
    ]
    #expect(
      written(values, .float16) == [0x7BFF, 0x7BFF, 0x7BFF, 0x7C00, 0x7C00, 0x7C00, 0x7C00, 0xFC00])
  }

  // MARK: Every type

  @Test(arguments: ScalarType.allCases, Array(0...8) + [15, 16, 17])
  func `Any number of elements is converted at any address, and no others are touched`(
    type: ScalarType, count: Int
  ) {
    // Double distinguishes these from their neighbors in every type.
    let values = (0..<count).map { 1 / Double($0 + 3) - Double($0) }
    let rounded = values.map { type.rounded($0) }
    for byteOffset in [0, 1, 6] {
      let elements = TestElements(values, type, byteOffset: byteOffset)
      var (floats, doubles) = (
        [Float](repeating: 7, count: count + 1), [Double](repeating: 7, count: count + 1)
      )
      conversion.readFloat(elements.reading, count, &floats)
      conversion.readDouble(elements.reading, count, &doubles)
      #expect(floats.dropLast() == rounded.map { Float($0) }[...])
      #expect(doubles.dropLast() == rounded[...])
      #expect(floats.last == 7 && doubles.last == 7)
      #expect(elements.isUnchanged)

      let unwritten = [Double](repeating: .nan, count: count)
      let (fromFloat, fromDouble) = (
        TestElements(unwritten, type, byteOffset: byteOffset),
        TestElements(unwritten, type, byteOffset: byteOffset)
      )
      conversion.writeFloat(values.map { Float($0) }, count, fromFloat.writing)
      conversion.writeDouble(values, count, fromDouble.writing)
      #expect(fromFloat.values == values.map { type.rounded(Double(Float($0))) })
      #expect(fromDouble.values == rounded)
      #expect(fromFloat.marginsAreIntact && fromDouble.marginsAreIntact)
    }
  }

  // MARK: Compensated rounding

  @Test(arguments: SixteenBitFormat.all)
  func `Compensated rounding keeps the rounding error and adds it back`(format: SixteenBitFormat) {
    let unit = ParameterRounding.residualUnit(of: format.type)
    var numbers = TestNumbers(seed: 3)
    // Normal and subnormal values, ties, and 19 elements: two vectors and a remainder.
    let small: [Float] = [0, -0, 0x1.8p-25, -0x1p-133, 1, -1.5, 65_519]
    let values = small + numbers.spread(count: 12)
    let ones = [Double](repeating: 1, count: values.count)
    let (parameter, residual) = (TestElements(ones, format.type), TestElements(ones, format.type))
    let rounding = ParameterRounding.compensated(residual: residual.writing)
    conversion.round(values, rounding, values.count, parameter.writing)
    let stored = values.map { format.value(format.nearest(Double($0))) }
    let lost = zip(values, stored).map { format.value(format.nearest((Double($0) - $1) / unit)) }
    #expect(parameter.values == stored)
    #expect(residual.values == lost)
    #expect(parameter.marginsAreIntact && residual.marginsAreIntact)

    var found = [Float](repeating: .nan, count: values.count + 1)
    conversion.unround(parameter.reading, rounding, values.count, &found)
    #expect(found.dropLast() == zip(stored, lost).map { Float($0 + unit * $1) }[...])
    #expect(found.last!.isNaN)
    conversion.unround(parameter.reading, .nearest, values.count, &found)
    #expect(found.dropLast() == stored.map { Float($0) }[...])
  }

  @Test(arguments: SixteenBitFormat.all)
  func `Nothing is added back to infinity and NaN`(format: SixteenBitFormat) {
    let ones = [Double](repeating: 1, count: 9)
    let (parameter, residual) = (TestElements(ones, format.type), TestElements(ones, format.type))
    let values: [Float] = [.infinity, -.infinity, .nan, 3.4e38, -3.4e38, .infinity, .nan, 3.4e38, .infinity]
    conversion.round(values, .compensated(residual: residual.writing), 9, parameter.writing)
    #expect(parameter.values.allSatisfy { !$0.isFinite })
    #expect(residual.values == [Double](repeating: 0, count: 9))
  }

  // MARK: Helpers

  /// Returns the numbers that elements with these bits, at an odd address, are read as.
  private func read<Number: ArithmeticScalar>(
    _ patterns: [UInt16], _ format: SixteenBitFormat, as: Number.Type
  ) -> [Number] {
    var values = [Number](repeating: .nan, count: patterns.count)
    var bytes: [UInt8] = [0]
    bytes.reserveCapacity(2 * patterns.count + 1)
    for pattern in patterns { withUnsafeBytes(of: pattern) { bytes.append(contentsOf: $0) } }
    bytes.withUnsafeBytes {
      Number.reading(of: Backend.swift.kernels)(
        Elements($0.baseAddress! + 1, format.type), patterns.count, &values)
    }
    return values
  }

  /// Returns the bits that values are written as, at an odd address.
  private func written(_ values: [Float], _ format: SixteenBitFormat) -> [UInt16] {
    written(values.count, format) { conversion.writeFloat(values, values.count, $0) }
  }

  private func written(_ values: [Double], _ format: SixteenBitFormat) -> [UInt16] {
    written(values.count, format) { conversion.writeDouble(values, values.count, $0) }
  }

  private func written(
    _ count: Int, _ format: SixteenBitFormat, _ write: (MutableElements) -> Void
  ) -> [UInt16] {
    withUnsafeTemporaryAllocation(byteCount: 2 * count + 1, alignment: 2) { memory in
      let base = memory.baseAddress! + 1
      write(MutableElements(base, format.type))
      return (0..<count).map { base.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self) }
    }
  }

  /// Returns the bits of one value that is converted by itself.
  private func single(_ value: Float, _ format: SixteenBitFormat) -> UInt16 {
    format.type == .bfloat16 ? BFloat16(value).bitPattern : Float16(value).bitPattern
  }

  private func single(_ value: Double, _ format: SixteenBitFormat) -> UInt16 {
    format.type == .bfloat16 ? BFloat16(value).bitPattern : Float16(value).bitPattern
  }
}
