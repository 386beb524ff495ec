import KernelInterface

/// Rounds to one of the two adjacent values at random, so that the expected result is exact.
///
/// The expected result is exact for BFloat16 and for normal values of Float16, and within 2⁻²⁴ units in the
/// last place for subnormal values. Values of the type, infinities and NaN are unchanged. Beyond the greatest
/// finite value, the adjacent value is infinity, at the position of the next power of two. From that power of
/// two, the result is always infinity.
enum StochasticRounding {
  /// Rounds `count` values into `parameter`. The first value has index `first` in its tensor.
  static func store(
    _ values: UnsafePointer<Float>, count: Int, into parameter: MutableElements, key: UInt64, first: Int
  ) {
    switch parameter.type {
    case .bfloat16: store(values, count, parameter.address, key, first, toBFloat16)
    case .float16: store(values, count, parameter.address, key, first, toFloat16)
    default: fatalError("rounding into \(parameter.type), which does not have 16 bits")
    }
  }

  @inline(__always)
  private static func store(
    _ values: UnsafePointer<Float>, _ count: Int, _ parameter: UnsafeMutableRawPointer, _ key: UInt64,
    _ first: Int, _ round: (SIMD8<Float>, SIMD8<UInt32>) -> SIMD8<UInt32>
  ) {
    let random = RandomLanes(key: key)
    @inline(__always) func store(_ offset: Int, _ valid: Int) {
      let lanes = Float.load(values, offset, valid, as: Float.self)
      let rounded = round(lanes, random[first &+ offset])
      // Lane by lane: the standard library's conversion is a function that the AVX2 copy would share with
      // other modules.
      var bits = SIMD8<UInt16>()
      for lane in 0..<laneCount { bits[lane] = UInt16(truncatingIfNeeded: rounded[lane]) }
      let address = parameter + offset &* 2
      if valid == laneCount {
        address.storeBytes(of: bits, as: SIMD8<UInt16>.self)
      } else {
        for lane in 0..<valid {
          address.storeBytes(of: bits[lane], toByteOffset: lane &* 2, as: UInt16.self)
        }
      }
    }
    forEachVector(count, store)
  }

  /// Returns the upper half of Float, after adding a uniform number below its last place.
  @inline(__always)
  private static func toBFloat16(_ values: SIMD8<Float>, _ random: SIMD8<UInt32>) -> SIMD8<UInt32> {
    let bits = unsafeBitCast(values, to: SIMD8<UInt32>.self)
    // The lower half of infinity is 0, so nothing is carried. The lower half of a NaN might carry.
    let rounded = (bits &+ (random &>> 16)) &>> 16
    return rounded.replacing(with: (bits &>> 16) | 0x0040, where: values .!= values)
  }

  /// The bits, as Float, of 2⁻¹⁴, the least normal value of Float16.
  private static var leastNormal: UInt32 { 113 << 23 }

  /// The bits, as Float, of 2¹⁶, the power of two above the values of Float16.
  private static var beyond: UInt32 { 143 << 23 }

  @inline(__always)
  private static func toFloat16(_ values: SIMD8<Float>, _ random: SIMD8<UInt32>) -> SIMD8<UInt32> {
    let bits = unsafeBitCast(values, to: SIMD8<UInt32>.self)
    let magnitude = bits & 0x7FFF_FFFF
    // Thirteen bits are dropped, and the exponent's bias decreases from 127 to 15. A carry out of the
    // greatest finite value gives infinity.
    let normal = ((magnitude &+ (random &>> 19)) &>> 13) &- SIMD8(repeating: 112 << 10)
    // Below 2⁻¹⁴, the last place is always 2⁻²⁴, and the number of dropped bits grows. In units of the last
    // place, a value is below 1024, and its fraction is exact.
    let bounded = magnitude.replacing(with: 0, where: magnitude .>= Self.leastNormal)
    let units = unsafeBitCast(bounded, to: SIMD8<Float>.self) * 0x1p24
    // At 2²³, the last place of Float is 1, so the sum is rounded to a whole number, which can be above the
    // value.
    let nearest = (units + 0x1p23) - 0x1p23
    let below = nearest.replacing(with: nearest - 1, where: nearest .> units)
    // A multiple of 2⁻²³ plus half of 2⁻²³, so that the number of draws below a fraction is as close to it as
    // possible.
    let draw = unsafeBitCast((random &>> 9) | 0x3F80_0000, to: SIMD8<Float>.self) - (1 - 0x1p-24)
    let chosen = below.replacing(with: below + 1, where: draw .< units - below)
    let subnormal = unsafeBitCast(chosen + 0x1p23, to: SIMD8<UInt32>.self) & 0x007F_FFFF
    var rounded = normal.replacing(with: subnormal, where: magnitude .< Self.leastNormal)
    rounded.replace(with: 0x7C00, where: magnitude .>= Self.beyond)
    let quiet = 0x7E00 | ((magnitude &>> 13) & 0x03FF)
    rounded.replace(with: quiet, where: values .!= values)
    return rounded | ((bits &>> 16) & 0x8000)
  }
}
