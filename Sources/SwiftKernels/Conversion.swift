import KernelInterface

extension Elements {
  /// values ← these elements, rounded to nearest if they are Float64, exactly otherwise.
  func read(count: Int, into values: UnsafeMutablePointer<Float>) { readAnyType(count, values) }

  /// values ← these elements, exactly.
  func read(count: Int, into values: UnsafeMutablePointer<Double>) { readAnyType(count, values) }

  @inline(__always)
  private func readAnyType<A: ArithmeticScalar>(_ count: Int, _ values: UnsafeMutablePointer<A>) {
    convert(address, type, to: values, A.scalarType, count, by: A.self)
  }
}

extension MutableElements {
  /// These elements ← values, rounded to nearest once.
  func write(_ values: UnsafePointer<Float>, count: Int) {
    convert(values, .float32, to: address, type, count, by: Float.self)
  }

  /// These elements ← values, rounded to nearest once.
  func write(_ values: UnsafePointer<Double>, count: Int) {
    convert(values, .float64, to: address, type, count, by: Double.self)
  }
}

/// target ← source, via `A`, which is the type of one of them.
@inline(__always)
private func convert<A: ArithmeticScalar>(
  _ source: UnsafeRawPointer, _ sourceType: ScalarType, to target: UnsafeMutableRawPointer,
  _ targetType: ScalarType, _ count: Int, by _: A.Type
) {
  @inline(__always) func copy<S: TensorScalar, T: TensorScalar>(_: S.Type, _: T.Type) {
    forEachVector(count) { offset, valid in
      _ = T.store(S.load(source, offset, valid, as: A.self), target, offset, valid)
    }
  }
  let isRead = targetType == A.scalarType
  switch isRead ? sourceType : targetType {
  case .bfloat16: isRead ? copy(BFloat16.self, A.self) : copy(A.self, BFloat16.self)
  case .float16:
    #if (os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64)
      fatalError("This platform has no Float16.")
    #else
      isRead ? copy(Float16.self, A.self) : copy(A.self, Float16.self)
    #endif
  case .float32: isRead ? copy(Float.self, A.self) : copy(A.self, Float.self)
  case .float64: isRead ? copy(Double.self, A.self) : copy(A.self, Double.self)
  }
}
