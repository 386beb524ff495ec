extension UnsafePointer where Pointee: SIMDScalar {
  /// Eight elements from `offset` on, whatever their alignment.
  @inline(__always)
  func eight(at offset: Int) -> SIMD8<Pointee> {
    UnsafeRawPointer(self + offset).loadUnaligned(as: SIMD8<Pointee>.self)
  }
}

extension UnsafeMutablePointer where Pointee: SIMDScalar {
  /// Eight elements from `offset` on, whatever their alignment.
  @inline(__always)
  func eight(at offset: Int) -> SIMD8<Pointee> {
    UnsafePointer(self).eight(at: offset)
  }

  /// Writes eight elements from `offset` on, whatever their alignment.
  @inline(__always)
  func store(_ value: SIMD8<Pointee>, at offset: Int) {
    UnsafeMutableRawPointer(self + offset).storeBytes(of: value, as: SIMD8<Pointee>.self)
  }
}

extension SIMD8 where Scalar: FloatingPoint {
  /// The sum of the lanes by halves: an order that no library version changes, unlike `sum()`.
  @inline(__always)
  var laneSum: Scalar {
    let four = lowHalf + highHalf
    let two = four.lowHalf + four.highHalf
    return two.x + two.y
  }
}
