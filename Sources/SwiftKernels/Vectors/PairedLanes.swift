import KernelInterface

/// Sixteen elements of BFloat16 in eight lanes of 32 bits, two per lane.
///
/// The upper half of a lane, with zeros below, is one element as Float. The lower half, shifted up, is the
/// other. Two operations therefore separate sixteen elements, and two combine them. Eight elements in their
/// order take the same number of operations.
typealias PairedLanes = SIMD8<Int32>

extension PairedLanes {
  /// Returns sixteen elements in memory.
  @inline(__always)
  init(at address: UnsafeRawPointer) { self = address.loadUnaligned(as: Self.self) }

  /// Creates sixteen elements from the upper halves of Floats.
  @inline(__always)
  init(evenBits: SIMD8<Int32>, oddBits: SIMD8<Int32>) {
    let below = unsafeBitCast(evenBits, to: SIMD8<UInt32>.self) &>> 16
    self = unsafeBitCast(below, to: Self.self) | oddBits.upperHalves
  }

  /// The elements 0, 2, 4, ….
  @inline(__always)
  var evenValues: SIMD8<Float> { unsafeBitCast(self &<< 16, to: SIMD8<Float>.self) }

  /// The elements 1, 3, 5, ….
  @inline(__always)
  var oddValues: SIMD8<Float> { unsafeBitCast(upperHalves, to: SIMD8<Float>.self) }

  @inline(__always)
  func store(at address: UnsafeMutableRawPointer) { address.storeBytes(of: self, as: Self.self) }

  /// The upper halves, with zeros below.
  @inline(__always)
  private var upperHalves: Self { self & (-1 << 16) }
}
