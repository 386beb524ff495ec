import Optimizers
import Tensors
import TestSupport

/// Reproducible numbers of mixed sign and size, and simple arithmetic in Double for comparison.
enum GradientOracle {
  /// The unit roundoff of Float.
  static let floatRoundoff = 0x1p-24

  /// Returns elements of mixed sign between 2⁻⁴ and 2⁴ in magnitude, rounded to `type`.
  static func gradient(_ shape: Shape, _ seed: Int, as type: ScalarType = .float32) -> Tensor {
    var state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 | 1
    return Tensor(shape: shape, as: type) { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let unit = Double(state >> 12) * 0x1p-52
      let size = Double(1 << Int(state >> 61)) / 8
      return (unit < 0.5 ? -1 : 1) * (0.5 + unit) * size
    }
  }

  /// Returns Σ wᵢ gᵢ and Σ |wᵢ gᵢ| of each element.
  static func weightedSum(
    _ gradients: [Tensor], weights: [Double]
  ) -> (values: [Double], magnitudes: [Double]) {
    var values = [Double](repeating: 0, count: gradients[0].elementCount)
    var magnitudes = values
    for (gradient, weight) in zip(gradients, weights) {
      for (index, element) in gradient.scalars(as: Double.self).enumerated() {
        values[index] += weight * element
        magnitudes[index] += abs(weight * element)
      }
    }
    return (values, magnitudes)
  }

  /// Returns √(Σ x²).
  static func norm(_ values: [Double]) -> Double {
    values.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
}

extension Parameter {
  /// The gradient as a step sees it, in Double, or nil if there is none.
  var effectiveGradient: [Double]? {
    gradient.map { $0.scalars(as: Double.self).map { $0 * gradientScale } }
  }
}
