import KernelInterface

extension ArithmeticScalar {
  /// Adds the first `valid` lanes to the numbers `offset ..< offset + valid` after `base`.
  @inline(__always)
  static func add(_ terms: SIMD8<Self>, to base: UnsafeMutableRawPointer, _ offset: Int, _ valid: Int) {
    let sum = load(UnsafeRawPointer(base), offset, valid, as: Self.self) + terms
    _ = store(sum, base, offset, valid)
  }
}

/// The number of lanes: one register of AVX2 in Float, two of SSE2 and NEON. Sums keep their lanes until the
/// end, so that every instruction set gives the same bits.
let laneCount = 8

/// Calls `body(offset, valid)` for consecutive groups of eight indices. The last group has `valid` < 8
/// indices if necessary.
///
/// After inlining, `valid` is a constant in the loop, so loads and stores are whole vectors.
@inline(__always)
func forEachVector(_ count: Int, _ body: (_ offset: Int, _ valid: Int) -> Void) {
  forEachVector(0..<count, body)
}

/// Calls `body(offset, valid)` for groups of eight indices of a range.
@inline(__always)
func forEachVector(_ range: Range<Int>, _ body: (_ offset: Int, _ valid: Int) -> Void) {
  var offset = range.lowerBound
  while offset &+ laneCount <= range.upperBound {
    body(offset, laneCount)
    offset &+= laneCount
  }
  if offset < range.upperBound {
    body(offset, range.upperBound &- offset)
  }
}

extension Elements {
  /// Returns the elements as the arithmetic type, which they must have.
  @inline(__always)
  func of<A: ArithmeticScalar>(_ type: A.Type) -> UnsafePointer<A> {
    guard self.type == A.scalarType else { failForType(self.type, kernel: A.scalarType) }
    return address.assumingMemoryBound(to: A.self)
  }
}

extension MutableElements {
  /// Returns the elements as the arithmetic type, which they must have.
  @inline(__always)
  func of<A: ArithmeticScalar>(_ type: A.Type) -> UnsafeMutablePointer<A> {
    guard self.type == A.scalarType else { failForType(self.type, kernel: A.scalarType) }
    return address.assumingMemoryBound(to: A.self)
  }
}
