import KernelInterface

/// new = β old + (1−β)(sum / count + ε). ε's share is added before the sum's, so that a row of zeros does not
/// become 0.
struct MovingAverage<A: ArithmeticScalar> {
  let decay: A
  let floor: A
  let perSquare: Double

  init(_ average: MomentAverage) {
    decay = A(average.decay)
    floor = A(average.weight * average.epsilon)
    perSquare = average.weight / Double(average.count)
  }

  @inline(__always)
  func updated(_ old: A, sum: Double) -> A {
    (decay * old + floor) + A(perSquare * sum)
  }

  /// Computes four numbers at once, with the same bits as one.
  @inline(__always)
  func updated(_ old: SIMD4<A>, sum: SIMD4<Double>) -> SIMD4<A> {
    let scaled = perSquare * sum
    return (decay * old + floor) + SIMD4(A(scaled.x), A(scaled.y), A(scaled.z), A(scaled.w))
  }

  @inline(__always)
  func updated(_ old: SIMD8<A>, sum: SIMD8<A>) -> SIMD8<A> {
    (decay * old + floor) + A(perSquare) * sum
  }
}
