import KernelInterface

/// new = β old + (1−β)(sum / count + ε), with ε's share added before the sum's: a row of zeros must not become 0.
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

  /// Four numbers at once, with the bits of one.
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
