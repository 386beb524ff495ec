import KernelInterface

extension ArithmeticScalar {
  /// Adds the first `valid` lanes to the numbers `offset ..< offset + valid` from `base` on.
  @inline(__always)
  static func add(_ terms: SIMD8<Self>, to base: UnsafeMutableRawPointer, _ offset: Int, _ valid: Int) {
    let sum = load(UnsafeRawPointer(base), offset, valid, as: Self.self) + terms
    _ = store(sum, base, offset, valid)
  }
}

/// Eight lanes: one register of AVX2 in Float, two of SSE2 and NEON. Sums keep their lanes until the end, so that every
/// instruction set gives the same bits.
let laneCount = 8

/// Calls `body(offset, valid)` for consecutive groups of eight indices, where the last group has `valid` < 8 of them.
///
/// `valid` is a constant in the loop once inlined: loads and stores there are whole vectors.
@inline(__always)
func forEachVector(_ count: Int, _ body: (_ offset: Int, _ valid: Int) -> Void) {
  forEachVector(0..<count, body)
}

/// The same for the indices of a range.
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
  /// The elements as the arithmetic type, which they must hold.
  @inline(__always)
  func of<A: ArithmeticScalar>(_ type: A.Type) -> UnsafePointer<A> {
    guard self.type == A.scalarType else { failForType(self.type, kernel: A.scalarType) }
    return address.assumingMemoryBound(to: A.self)
  }
}

extension MutableElements {
  /// The elements as the arithmetic type, which they must hold.
  @inline(__always)
  func of<A: ArithmeticScalar>(_ type: A.Type) -> UnsafeMutablePointer<A> {
    guard self.type == A.scalarType else { failForType(self.type, kernel: A.scalarType) }
    return address.assumingMemoryBound(to: A.self)
  }
}
