import KernelInterface
import Tensors

/// Linear algebra in Double, element by element: simple, slow, and independent of every kernel.
enum Oracle {
  /// Per sum: its value, and the sum of the terms' magnitudes, from which tolerances are derived.
  typealias Sum = (value: Double, magnitude: Double)

  static func sum(_ terms: some Sequence<Double>) -> Sum {
    // Neumaier's compensated summation: exact to Double's rounding at any length.
    var (value, lost, magnitude) = (0.0, 0.0, 0.0)
    for term in terms {
      let next = value + term
      lost += value.magnitude >= term.magnitude ? (value - next) + term : (term - next) + value
      value = next
      magnitude += term.magnitude
    }
    return (value + lost, magnitude)
  }

  /// op(A) op(B), with the magnitude of each element's terms.
  static func product<T: BinaryFloatingPoint>(_ shape: ProductShape, _ a: [T], _ b: [T]) -> [Sum] {
    (0..<shape.rows).flatMap { i in
      (0..<shape.columns).map { j in
        sum(
          (0..<shape.inner).map { k in
            Double(shape.transposesA ? a[k * shape.rows + i] : a[i * shape.inner + k])
              * Double(shape.transposesB ? b[j * shape.inner + k] : b[k * shape.columns + j])
          })
      }
    }
  }
}

/// The unit roundoff of a type, and the bounds on sums that follow from it.
extension BinaryFloatingPoint {
  /// Half a unit in the last place of 1.
  static var roundoff: Double { Double(ulpOfOne) / 2 }

  /// The bound on the error of a sum of `count` terms whose magnitudes add up to `magnitude`: each term meets at
  /// most min(count, chunk) + 2 roundings in this type, and one of its own where it is a product.
  static func tolerance(count: Int, magnitude: Double) -> Double {
    let roundings = Double(min(count, KernelLimits.elementsPerSum) + 3)
    return roundings * roundoff * magnitude + Double(leastNormalMagnitude)
  }
}

/// Numbers of mixed sign and size, reproducible: a 64-bit congruential generator, apart from the library's own.
struct TestNumbers {
  private var state: UInt64

  init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }

  /// Uniform between −1 and 1, times a power of two between 2⁻⁶ and 2⁶.
  mutating func next<T: BinaryFloatingPoint>(_ type: T.Type = T.self) -> T {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let unit = Double(Int64(bitPattern: state) >> 11) / Double(1 << 52)
    let exponent = Int(state >> 59) % 13 - 6
    return T(unit) * T(sign: .plus, exponent: T.Exponent(exponent), significand: 1)
  }

  mutating func array<T: BinaryFloatingPoint>(_ count: Int, of type: T.Type = T.self) -> [T] {
    (0..<count).map { _ in next() }
  }
}

/// A backend with its linear algebra for one scalar type.
extension Backend {
  var float32: any LinearAlgebra<Float> { kernels.float32 }
  var float64: any LinearAlgebra<Double> { kernels.float64 }
}
