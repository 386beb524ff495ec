import KernelInterface

extension BFloat16: StoredScalar {
  @inline(__always)
  package static func vector<A: Arithmetic>(at address: UnsafeRawPointer, as type: A.Type) -> SIMD8<A> {
    let bits = SIMD8<Int32>(lowerHalves: address.loadUnaligned(as: SIMD8<UInt16>.self))
    return widened(unsafeBitCast(bits &<< 16, to: SIMD8<Float>.self))
  }

  @inline(__always)
  package static func store<A: Arithmetic>(
    _ vector: SIMD8<A>, at address: UnsafeMutableRawPointer
  ) -> SIMD8<A> {
    let bits = roundedBits(narrowed(vector))
    address.storeBytes(of: (bits &>> 16).lowerHalves, as: SIMD8<UInt16>.self)
    return widened(unsafeBitCast(bits & (-1 << 16), to: SIMD8<Float>.self))
  }

  /// The upper halves are what `BFloat16.init(_: Float)` gives; the lower halves are left over.
  @inline(__always)
  private static func roundedBits(_ values: SIMD8<Float>) -> SIMD8<Int32> {
    let bits = unsafeBitCast(values, to: SIMD8<Int32>.self)
    let isNaN = SIMD8<Int32>(ones: values .!= values)
    // Rounding could turn a NaN into infinity or zero: it is made quiet instead.
    return (bits &+ (bits.roundingToUpperHalf & ~isNaN)) | (isNaN & 0x0040_0000)
  }
}
