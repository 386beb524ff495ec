import Kernels

/// new = β old + (1−β)(sum / count + ε), with ε's share added before the sum's: a row of zeros must not become 0.
struct MovingAverage<A: Arithmetic> {
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

  @inline(__always)
  func updated(_ old: SIMD8<A>, sum: SIMD8<A>) -> SIMD8<A> {
    (decay * old + floor) + A(perSquare) * sum
  }
}
