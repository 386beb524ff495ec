import Kernels

/// Σ terms(offset, valid) over groups of eight indices: in two vectors of lanes over `elementsPerSum` elements, whose
/// total goes on in Double.
///
/// Each lane adds 32 terms before its sum is used, so the error is below 36 units in the last place however many
/// elements there are. Two vectors hide the latency of addition where memory allows no more; four cost the
/// compiler two more copies of every kernel.
@inline(__always)
func chunkedSum<A: Arithmetic>(_ count: Int, _ terms: (_ offset: Int, _ valid: Int) -> SIMD8<A>) -> Double {
  var total = 0.0
  var start = 0
  while start < count {
    let end = min(start &+ KernelLimits.elementsPerSum, count)
    var even = SIMD8<A>()
    var odd = SIMD8<A>()
    var offset = start
    while offset &+ 2 &* laneCount <= end {
      even += terms(offset, laneCount)
      odd += terms(offset &+ laneCount, laneCount)
      offset &+= 2 &* laneCount
    }
    while offset < end {
      even += terms(offset, min(laneCount, end &- offset))
      offset &+= laneCount
    }
    total += Double((even + odd).laneSum)
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
