import KernelInterface

extension BFloat16 {
  /// Returns eight elements from `address`, exactly.
  @inline(__always)
  static func eight(at address: UnsafeRawPointer) -> SIMD8<Float> {
    let bits = SIMD8<Int32>(lowerHalves: address.loadUnaligned(as: SIMD8<UInt16>.self))
    return unsafeBitCast(bits &<< 16, to: SIMD8<Float>.self)
  }

  /// Stores eight elements at `address`, rounded to nearest, and returns the stored values.
  @inline(__always)
  static func store(_ values: SIMD8<Float>, at address: UnsafeMutableRawPointer) -> SIMD8<Float> {
    let bits = roundedBits(values)
    address.storeBytes(of: (bits &>> 16).lowerHalves, as: SIMD8<UInt16>.self)
    return unsafeBitCast(bits & (-1 << 16), to: SIMD8<Float>.self)
  }

  /// Returns the bits of `BFloat16.init(_: Float)` in the upper halves. The lower halves are undefined.
  @inline(__always)
  private static func roundedBits(_ values: SIMD8<Float>) -> SIMD8<Int32> {
    let bits = unsafeBitCast(values, to: SIMD8<Int32>.self)
    let isNaN = SIMD8<Int32>(ones: values .!= values)
    // Rounding could turn a NaN into infinity or zero, so it is made quiet instead.
    return (bits &+ (bits.roundingToUpperHalf & ~isNaN)) | (isNaN & 0x0040_0000)
  }
}
