/// Random bits for each element of a tensor, as a function of a key and the element's index, without a state.
///
/// An element gets the same bits in any order of rounding and together with any other elements. Each lane is
/// the index, mixed twice with half of the key in between. Each mix has two multiplications and three shifts,
/// which were chosen by search for the least bias (C. Wellons, "Prospecting for Hash Functions", 2018).
/// Indices count modulo 2³², so elements that are 2³² apart in one tensor get the same bits.
struct RandomLanes {
  private let lower: UInt32
  private let upper: UInt32

  /// Creates the bits of this key.
  @inline(__always)
  init(key: UInt64) {
    lower = UInt32(truncatingIfNeeded: key)
    upper = UInt32(truncatingIfNeeded: key >> 32)
  }

  /// Returns the bits of the elements from `index`.
  @inline(__always)
  subscript(index: Int) -> SIMD8<UInt32> {
    let indices = SIMD8<UInt32>(0, 1, 2, 3, 4, 5, 6, 7) &+ UInt32(truncatingIfNeeded: index)
    return mixed(mixed(indices ^ lower) &+ upper)
  }

  @inline(__always)
  private func mixed(_ lanes: SIMD8<UInt32>) -> SIMD8<UInt32> {
    var lanes = lanes
    lanes ^= lanes &>> 16
    lanes &*= 0x7FEB_352D
    lanes ^= lanes &>> 15
    lanes &*= 0x846C_A68B
    return lanes ^ (lanes &>> 16)
  }
}
