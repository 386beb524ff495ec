extension Elements {
  /// Returns whether one of the first `count` elements is infinite. This is slow, and needed only in the rare
  /// cases in which the sum of squares is not finite.
  package func holdInfinity(_ count: Int) -> Bool {
    contains(count) { $0 == .infinity }
  }

  /// Returns the largest magnitude of the first `count` elements, ignoring NaN. This is slow too.
  package func largestMagnitude(_ count: Int) -> Double {
    var largest = 0.0
    _ = contains(count) {
      if $0 > largest { largest = $0 }
      return false
    }
    return largest
  }

  /// Returns whether a condition holds for the magnitude of one of the first `count` elements.
  private func contains(_ count: Int, _ condition: (Double) -> Bool) -> Bool {
    func contains<Scalar: TensorScalar>(_: Scalar.Type) -> Bool {
      (0..<count).contains { index in
        let element = address.loadUnaligned(
          fromByteOffset: index * MemoryLayout<Scalar>.stride, as: Scalar.self)
        return condition(element.doubleValue.magnitude)
      }
    }
    switch type {
    case .bfloat16: return contains(BFloat16.self)
    case .float16:
      #if (os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64)
        failForType(.float16, kernel: .float32)
      #else
        return contains(Float16.self)
      #endif
    case .float32: return contains(Float.self)
    case .float64: return contains(Double.self)
    }
  }
}

extension ScalarType {
  /// The greatest finite number of this type.
  package var greatestFiniteMagnitude: Double {
    switch self {
    case .bfloat16: 0x1.FEp127
    case .float16: 65504
    case .float32: Double(Float.greatestFiniteMagnitude)
    case .float64: .greatestFiniteMagnitude
    }
  }

  /// A quarter of the distance between the two greatest finite numbers. Adding a smaller number to a finite
  /// number does not make it infinite.
  package var leastThatOverflows: Double {
    switch self {
    case .bfloat16: 0x1p118
    case .float16: 8
    case .float32: 0x1p102
    case .float64: 0x1p969
    }
  }
}
