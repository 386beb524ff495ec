import KernelInterface

extension Elements {
  /// Converts `count` elements, rounded to nearest where they are Float64, exactly otherwise.
  package func read(count: Int, into values: UnsafeMutablePointer<Float>) {
    readAnyType(count, values)
  }

  /// Converts `count` elements, exactly.
  package func read(count: Int, into values: UnsafeMutablePointer<Double>) {
    readAnyType(count, values)
  }

  @inline(__always)
  private func readAnyType<A: Arithmetic>(_ count: Int, _ values: UnsafeMutablePointer<A>) {
    switch type {
    case .bfloat16: read(BFloat16.self, count, values)
    case .float16:
      #if (os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64)
        preconditionFailure("this platform has no Float16")
      #else
        read(Float16.self, count, values)
      #endif
    case .float32: read(Float.self, count, values)
    case .float64: read(Double.self, count, values)
    }
  }

  @inline(__always)
  private func read<S: StoredScalar, A: Arithmetic>(
    _ stored: S.Type, _ count: Int, _ values: UnsafeMutablePointer<A>
  ) {
    forEachVector(count) { offset, valid in
      _ = A.store(S.load(address, offset, valid, as: A.self), values, offset, valid)
    }
  }
}
