import KernelInterface

// Conversions of the 16-bit types via eight lanes of Float.

/// Returns the lanes in the arithmetic type, exactly.
@inline(__always)
func widened<A: ArithmeticScalar>(_ values: SIMD8<Float>) -> SIMD8<A> {
  if A.self == Float.self { return unsafeBitCast(values, to: SIMD8<A>.self) }
  return unsafeBitCast(converted(values) as SIMD8<Double>, to: SIMD8<A>.self)
}

/// Returns the lanes as Float, so that rounding them to sixteen bits gives the same result as rounding once.
///
/// Double is rounded to odd: if Float loses bits, the neighbor with an odd last bit represents "between the
/// two".
@inline(__always)
func narrowed<A: ArithmeticScalar>(_ values: SIMD8<A>) -> SIMD8<Float> {
  if A.self == Float.self { return unsafeBitCast(values, to: SIMD8<Float>.self) }
  let exact = unsafeBitCast(values, to: SIMD8<Double>.self)
  var odd = SIMD8<Float>()
  for lane in 0..<laneCount {
    let nearest = Float(exact[lane])
    let back = Double(nearest)
    // NaN and numbers that became infinite are unchanged.
    let isInexact = back != exact[lane] && back.magnitude < .infinity
    let isTooLarge = isInexact && back.magnitude > exact[lane].magnitude
    let towardZero = nearest.bitPattern &- (isTooLarge ? 1 : 0)
    odd[lane] = Float(bitPattern: towardZero | (isInexact ? 1 : 0))
  }
  return odd
}

/// Returns each lane rounded once to nearest, like the standard library's conversion, which is a call in
/// large functions.
///
/// No generic conversion of the standard library is compiled here: the copy for AVX2 must not share one with other
/// modules.
@inline(__always)
func converted<From: TensorScalar & SIMDScalar, To: TensorScalar & SIMDScalar>(
  _ values: SIMD8<From>
) -> SIMD8<To> {
  let isDouble = From.self == Double.self || To.self == Double.self
  var result = SIMD8<To>()
  for lane in 0..<laneCount {
    result[lane] = isDouble ? To(values[lane].doubleValue) : To(values[lane].floatValue)
  }
  return result
}
