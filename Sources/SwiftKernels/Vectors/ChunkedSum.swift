import Kernels

/// Σ terms(offset, valid) over groups of eight indices: in four vectors of lanes over `elementsPerSum` elements, whose
/// total goes on in Double.
///
/// Each lane adds 16 terms before its sum is used, so the error is below 20 units in the last place however many
/// elements there are.
@inline(__always)
func chunkedSum<A: Arithmetic>(_ count: Int, _ terms: (_ offset: Int, _ valid: Int) -> SIMD8<A>) -> Double {
  var total = 0.0
  var start = 0
  while start < count {
    let end = min(start &+ KernelLimits.elementsPerSum, count)
    var sum0 = SIMD8<A>()
    var sum1 = SIMD8<A>()
    var sum2 = SIMD8<A>()
    var sum3 = SIMD8<A>()
    var offset = start
    while offset &+ 4 &* laneCount <= end {
      sum0 += terms(offset, laneCount)
      sum1 += terms(offset &+ laneCount, laneCount)
      sum2 += terms(offset &+ 2 &* laneCount, laneCount)
      sum3 += terms(offset &+ 3 &* laneCount, laneCount)
      offset &+= 4 &* laneCount
    }
    while offset < end {
      sum0 += terms(offset, min(laneCount, end &- offset))
      offset &+= laneCount
    }
    total += Double(((sum0 + sum1) + (sum2 + sum3)).laneSum)
    start = end
  }
  return total
}

extension SIMD8 {
  /// The vector with `value` in every lane from index `first` on.
  @inline(__always)
  func replacingLanes(from first: Int, with value: Scalar) -> Self {
    var result = self
    for lane in first..<8 {
      result[lane] = value
    }
    return result
  }
}
