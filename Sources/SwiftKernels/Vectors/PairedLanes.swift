import Kernels

/// Sixteen elements of BFloat16 in eight lanes of 32 bits, two in each.
///
/// The upper half of a lane, with zeros below, is one of them as Float; its lower half, moved up, is the other. So two
/// operations take sixteen elements apart, and two put them together, where eight in their order take as many.
struct PairedLanes {
  private let lanes: SIMD8<Int32>

  /// Sixteen elements in memory.
  @inline(__always)
  init(_ address: UnsafeRawPointer) { lanes = address.loadUnaligned(as: SIMD8<Int32>.self) }

  /// Sixteen elements from the upper halves of the Float that each is part of.
  @inline(__always)
  init(even: SIMD8<Int32>, odd: SIMD8<Int32>) {
    let below = unsafeBitCast(even, to: SIMD8<UInt32>.self) &>> 16
    lanes = unsafeBitCast(below, to: SIMD8<Int32>.self) | odd.upperHalves
  }

  /// Elements 0, 2, 4, ….
  @inline(__always)
  var even: SIMD8<Float> { unsafeBitCast(lanes &<< 16, to: SIMD8<Float>.self) }

  /// Elements 1, 3, 5, ….
  @inline(__always)
  var odd: SIMD8<Float> { unsafeBitCast(lanes.upperHalves, to: SIMD8<Float>.self) }

  @inline(__always)
  func store(at address: UnsafeMutableRawPointer) {
    address.storeBytes(of: lanes, as: SIMD8<Int32>.self)
  }
}

extension SIMD8<Int32> {
  /// The upper halves, with zeros below.
  @inline(__always)
  var upperHalves: Self { self & (-1 << 16) }
}
