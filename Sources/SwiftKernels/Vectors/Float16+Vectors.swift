import KernelInterface

// If the target has instructions for Float16, Swift's own conversion is the fastest. This is the case on ARM,
// and on x86 with F16C, which a target for such processors declares by defining F16C. Otherwise, Swift's
// conversion is a library call for every element, and takes five times as long as the conversion here, which
// uses integers and one addition or subtraction of Float each way. The code here does not select between
// normal and subnormal values, and no operation on Float multiplies or produces a subnormal, which is slow on
// some processors. Both conversions give the same bits, including NaN.

#if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
  extension Float16 {
    /// Returns eight elements from `address`, exactly.
    @inline(__always)
    static func eight(at address: UnsafeRawPointer) -> SIMD8<Float> {
      #if arch(arm64) || F16C
        return converted(address.loadUnaligned(as: SIMD8<Float16>.self))
      #else
        let bits = address.loadUnaligned(as: SIMD8<UInt16>.self)
        return Self.values(SIMD8<Int32>(lowerHalves: bits))
      #endif
    }

    /// Stores eight elements at `address`, rounded to nearest, and returns the stored values.
    @inline(__always)
    static func store(_ values: SIMD8<Float>, at address: UnsafeMutableRawPointer) -> SIMD8<Float> {
      #if arch(arm64) || F16C
        let rounded: SIMD8<Float16> = converted(values)
        address.storeBytes(of: rounded, as: SIMD8<Float16>.self)
        return converted(rounded)
      #else
        let bits = roundedBits(values)
        address.storeBytes(of: bits.lowerHalves, as: SIMD8<UInt16>.self)
        return Self.values(bits)
      #endif
    }

    /// Returns the values that the lower halves encode, exactly. The upper halves must be 0.
    @inline(__always)
    private static func values(_ bits: SIMD8<Int32>) -> SIMD8<Float> {
      let magnitude = (bits & 0x7FFF) &<< 13
      let isSubnormal = magnitude.ones(below: 1 << 23)
      let isBeyond = magnitude.ones(above: (31 << 23) - 1)
      // The exponent's bias increases from 15 to 127. A subnormal's exponent is one more than its bits say.
      // With this exponent, the result includes a leading bit of 2⁻¹⁴, which a subnormal does not have, so it
      // is subtracted.
      let raised = (magnitude &+ 112 << 23) &+ (isSubnormal & 1 << 23)
      // Infinity and NaN keep the greatest exponent.
      let scaled = unsafeBitCast(raised | (isBeyond & 0x7F80_0000), to: SIMD8<Float>.self)
      let leading = unsafeBitCast(isSubnormal & 113 << 23, to: SIMD8<Float>.self)
      let exact = unsafeBitCast(scaled - leading, to: SIMD8<Int32>.self)
      return unsafeBitCast(exact | ((bits & 0x8000) &<< 16), to: SIMD8<Float>.self)
    }

    /// Returns the bits of `Float16.init(_: Float)` in the lower halves. The upper halves are 0.
    @inline(__always)
    private static func roundedBits(_ values: SIMD8<Float>) -> SIMD8<Int32> {
      let bits = unsafeBitCast(values, to: SIMD8<Int32>.self)
      let magnitude = bits & 0x7FFF_FFFF
      // 2¹⁶ and larger values, including NaN, are treated as 2¹⁶, which becomes infinity.
      let bounded = magnitude.minimum(143 << 23)
      // The largest power of two that is not above the value, at least 2⁻¹⁴, times 2¹³. In the sum with it,
      // the last place is Float16's, so the addition does the rounding, and the sum's significand counts
      // units in that place.
      let power = (bounded & 0x7F80_0000).maximum(113 << 23) &+ 13 << 23
      let sum = unsafeBitCast(bounded, to: SIMD8<Float>.self) + unsafeBitCast(power, to: SIMD8<Float>.self)
      let units = unsafeBitCast(sum, to: SIMD8<Int32>.self) &- power
      // 1024 units in the last place increase the exponent by one. The leading bit of normal values increases
      // it from 0 to 1.
      let rounded = units &+ (power &>> 13) &- (113 + 13) << 10
      // A NaN becomes quiet and keeps the upper bits of its payload.
      let isNaN = magnitude.ones(above: 0x7F80_0000)
      let payload = isNaN & (((magnitude &>> 13) & 0x03FF) | 0x0200)
      return rounded | payload | ((bits &>> 16) & 0x8000)
    }
  }
#endif
