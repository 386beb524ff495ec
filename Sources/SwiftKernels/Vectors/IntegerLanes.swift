// Operations on eight lanes of Int32 as one operation.
//
// The standard library has these operations for every vector, but lane by lane, and in a longer formula the
// compiler combines only some of the lanes again. Sums, products, comparisons and logic on masks are single
// operations in the library. The other operations here are written in terms of these. A formula of both kinds
// took four times as long.

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

  /// The number that rounds to the upper half when it is added: half a unit in the last place, minus one if
  /// it is even.
  @inline(__always)
  var roundingToUpperHalf: Self { ((self &>> 16) & 1) &+ 0x7FFF }

  /// Creates lanes from eight lanes of sixteen bits, with zeros in the upper halves.
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

  /// Creates −1, which is all ones, in lanes with a true mask, otherwise 0.
  @inline(__always)
  init(ones mask: SIMDMask<Self>) { self = unsafeBitCast(mask, to: Self.self) }

  /// Returns −1 in lanes that are less than `bound`, otherwise 0.
  @inline(__always)
  func ones(below bound: Int32) -> Self {
    let bounds = Self(repeating: bound)
    return Self(ones: self .< bounds)
  }

  /// Returns −1 in lanes that are greater than `bound`, otherwise 0.
  @inline(__always)
  func ones(above bound: Int32) -> Self {
    let bounds = Self(repeating: bound)
    return Self(ones: self .> bounds)
  }

  /// Returns each lane, limited to at most `bound`.
  @inline(__always)
  func minimum(_ bound: Int32) -> Self { ((self &- bound) & ones(below: bound)) &+ bound }

  /// Returns each lane, limited to at least `bound`.
  @inline(__always)
  func maximum(_ bound: Int32) -> Self { ((self &- bound) & ones(above: bound)) &+ bound }

  /// These bits as a mask, only for logic: single lanes of this mask must not be read.
  @inline(__always)
  private var mask: SIMDMask<Self> { unsafeBitCast(self, to: SIMDMask<Self>.self) }
}
