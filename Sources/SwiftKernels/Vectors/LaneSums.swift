import KernelInterface

extension UnsafePointer where Pointee: SIMDScalar {
  /// Returns eight elements from `offset`, at any alignment.
  @inline(__always)
  func eight(at offset: Int) -> SIMD8<Pointee> {
    UnsafeRawPointer(self + offset).loadUnaligned(as: SIMD8<Pointee>.self)
  }
}

extension UnsafeMutablePointer where Pointee: SIMDScalar {
  /// Returns eight elements from `offset`, at any alignment.
  @inline(__always)
  func eight(at offset: Int) -> SIMD8<Pointee> {
    UnsafePointer(self).eight(at: offset)
  }

  /// Writes eight elements at `offset`, at any alignment.
  @inline(__always)
  func store(_ value: SIMD8<Pointee>, at offset: Int) {
    UnsafeMutableRawPointer(self + offset).storeBytes(of: value, as: SIMD8<Pointee>.self)
  }
}

extension SIMD8 where Scalar: FloatingPoint {
  /// The sum of the lanes by halves. Unlike `sum()`, its order does not depend on the library's version.
  @inline(__always)
  var laneSum: Scalar {
    let four = lowHalf + highHalf
    let two = four.lowHalf + four.highHalf
    return two.x + two.y
  }
}

/// Returns the lane sums of four vectors, each with the same bits as `laneSum`.
@inline(__always)
func laneSums<A: ArithmeticScalar>(_ a: SIMD8<A>, _ b: SIMD8<A>, _ c: SIMD8<A>, _ d: SIMD8<A>) -> SIMD4<A> {
  let ab = pairSums(a.lowHalf + a.highHalf, b.lowHalf + b.highHalf)
  let cd = pairSums(c.lowHalf + c.highHalf, d.lowHalf + d.highHalf)
  return SIMD4(ab.x, ab.z, cd.x, cd.z) + SIMD4(ab.y, ab.w, cd.y, cd.w)
}

/// Returns the sums of the lower and upper halves: two numbers of `a`, then two of `b`.
@inline(__always)
private func pairSums<A: ArithmeticScalar>(_ a: SIMD4<A>, _ b: SIMD4<A>) -> SIMD4<A> {
  SIMD4(lowHalf: a.lowHalf, highHalf: b.lowHalf) + SIMD4(lowHalf: a.highHalf, highHalf: b.highHalf)
}

/// Returns four lanes in Double, exactly.
@inline(__always)
func inDouble<A: ArithmeticScalar>(_ values: SIMD4<A>) -> SIMD4<Double> {
  SIMD4(
    values.x.doubleValue, values.y.doubleValue, values.z.doubleValue, values.w.doubleValue)
}
