import Tensors

/// Reproducible numbers from a congruential generator, independent of the library's own.
package struct TestNumbers {
  private var state: UInt64

  /// Creates a generator whose numbers depend only on the seed.
  package init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }

  /// Returns a number, uniform in −1 ..< 1.
  package mutating func next() -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int64(bitPattern: state) >> 40) / Float(1 << 23)
  }

  /// Returns a number of mixed sign and size: uniform in −1 ..< 1, times a power of two from 2⁻⁶ to 2⁶.
  package mutating func spread<T: BinaryFloatingPoint>(_ type: T.Type = T.self) -> T {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let unit = Double(Int64(bitPattern: state) >> 11) / Double(1 << 52)
    let exponent = Int(state >> 59) % 13 - 6
    return T(unit) * T(sign: .plus, exponent: T.Exponent(exponent), significand: 1)
  }

  /// Returns numbers of mixed sign and size.
  package mutating func spread<T: BinaryFloatingPoint>(count: Int, _ type: T.Type = T.self) -> [T] {
    (0..<count).map { _ in spread() }
  }

  /// Returns uniform numbers times `scale`.
  package mutating func array(_ count: Int, scale: Float = 1) -> [Float] {
    var values = [Float](repeating: 0, count: count)
    for index in 0..<count { values[index] = scale * next() }
    return values
  }

  /// Returns a gradient whose rows differ in size by six orders of magnitude.
  package mutating func gradient(_ shape: Shape) -> [Float] {
    let scales: [Float] = [1, 1e-3, 30, 1e3, 0.1, 1e-2, 7]
    var values: [Float] = []
    values.reserveCapacity(shape.elementCount)
    while values.count < shape.elementCount {
      let scale = scales[values.count / shape.columns % 7]
      for _ in 0..<shape.columns { values.append(scale * next()) }
    }
    return values
  }
}
