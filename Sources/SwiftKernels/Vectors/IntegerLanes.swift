// Operations on eight lanes of Int32 as one.
//
// The standard library has these for every vector, but lane by lane: a compiler that joins them again finds no more
// than pieces in a longer formula. Sums, products, comparisons and logic on masks it has as one operation; here is the
// rest in terms of those. A formula of both kinds took four times as long.

extension SIMD8<Int32> {
  @inline(__always)
  static func & (left: Self, right: Self) -> Self {
    unsafeBitCast(left.mask .& right.mask, to: Self.self)
  }

  @inline(__always)
  static func | (left: Self, right: Self) -> Self {
    unsafeBitCast(left.mask .| right.mask, to: Self.self)
  }

  @inline(__always)
  static func & (left: Self, right: Int32) -> Self { left & Self(repeating: right) }

  @inline(__always)
  static func | (left: Self, right: Int32) -> Self { left | Self(repeating: right) }

  @inline(__always)
  static func &+ (left: Self, right: Int32) -> Self { left &+ Self(repeating: right) }

  @inline(__always)
  static func &- (left: Self, right: Int32) -> Self { left &- Self(repeating: right) }

  @inline(__always)
  static func &<< (left: Self, right: Int32) -> Self { left &* Self(repeating: 1 &<< right) }

  @inline(__always)
  static prefix func ~ (lanes: Self) -> Self { Self(repeating: -1) &- lanes }

  // Conversions are lane by lane here too, because the standard library's are calls in large functions.

  /// What rounds to the upper half by addition: half a unit in its last place, less one where it is even.
  @inline(__always)
  var roundingToUpperHalf: Self { ((self &>> 16) & 1) &+ 0x7FFF }

  /// Eight lanes of sixteen bits, with zeros above.
  @inline(__always)
  init(lowerHalves bits: SIMD8<UInt16>) {
    self.init()
    for lane in 0..<laneCount { self[lane] = Int32(bits[lane]) }
  }

  /// The lower sixteen bits of each lane.
  @inline(__always)
  var lowerHalves: SIMD8<UInt16> {
    var bits = SIMD8<UInt16>()
    for lane in 0..<laneCount { bits[lane] = UInt16(truncatingIfNeeded: self[lane]) }
    return bits
  }

  /// −1, which is all ones, where the mask is true, else 0.
  @inline(__always)
  init(ones mask: SIMDMask<Self>) { self = unsafeBitCast(mask, to: Self.self) }

  /// −1 where a lane is less than `bound`, else 0.
  @inline(__always)
  func ones(below bound: Int32) -> Self {
    let bounds = Self(repeating: bound)
    return Self(ones: self .< bounds)
  }

  /// −1 where a lane is greater than `bound`, else 0.
  @inline(__always)
  func ones(above bound: Int32) -> Self {
    let bounds = Self(repeating: bound)
    return Self(ones: self .> bounds)
  }

  /// Each lane, but at most `bound`.
  @inline(__always)
  func minimum(_ bound: Int32) -> Self { ((self &- bound) & ones(below: bound)) &+ bound }

  /// Each lane, but at least `bound`.
  @inline(__always)
  func maximum(_ bound: Int32) -> Self { ((self &- bound) & ones(above: bound)) &+ bound }

  /// These bits as a mask, for logic only: nothing may ask such a mask for a lane.
  @inline(__always)
  private var mask: SIMDMask<Self> { unsafeBitCast(self, to: SIMDMask<Self>.self) }
}
