import KernelInterface

/// Linear algebra in Double, element by element: simple, slow, and independent of every kernel.
enum Oracle {
  /// A sum's value, and the sum of the terms' magnitudes, from which tolerances are derived.
  typealias Sum = (value: Double, magnitude: Double)

  static func sum(_ terms: some Sequence<Double>) -> Sum {
    // Neumaier's compensated summation is exact to Double's rounding at any length.
    var (value, lost, magnitude) = (0.0, 0.0, 0.0)
    for term in terms {
      let next = value + term
      lost += value.magnitude >= term.magnitude ? (value - next) + term : (term - next) + value
      value = next
      magnitude += term.magnitude
    }
    return (value + lost, magnitude)
  }

  /// Returns op(A) op(B), with the magnitude of each element's terms.
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

  /// Returns the bound on the error of a sum of `count` terms whose magnitudes add up to `magnitude`. Each
  /// term is rounded at most min(count, chunk) + 2 times in this type, including once for itself if it is a
  /// product.
  static func tolerance(count: Int, magnitude: Double) -> Double {
    let roundings = Double(min(count, KernelLimits.elementsPerSum) + 3)
    return roundings * roundoff * magnitude + Double(leastNormalMagnitude)
  }
}
