import KernelInterface

/// Returns each lane of `new`, or of `old` if `new` is not larger. A NaN in `new` is kept.
@inline(__always)
func lanesMaximum<A: ArithmeticScalar>(_ new: SIMD8<A>, _ old: SIMD8<A>) -> SIMD8<A> {
  // For known types, a comparison is one instruction. For generic types, it is computed lane by lane.
  if A.self == Float.self {
    let (new, old) = (unsafeBitCast(new, to: SIMD8<Float>.self), unsafeBitCast(old, to: SIMD8<Float>.self))
    return unsafeBitCast(new.replacing(with: old, where: new .<= old), to: SIMD8<A>.self)
  }
  let (new, old) = (unsafeBitCast(new, to: SIMD8<Double>.self), unsafeBitCast(old, to: SIMD8<Double>.self))
  return unsafeBitCast(new.replacing(with: old, where: new .<= old), to: SIMD8<A>.self)
}
