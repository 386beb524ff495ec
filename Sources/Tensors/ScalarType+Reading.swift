import Kernels

extension ScalarType {
  /// Reads `count` elements of this type, rounded to nearest where they are Float64, exactly otherwise.
  package func read(_ memory: UnsafeRawPointer, count: Int, into values: UnsafeMutablePointer<Float>) {
    swiftType.read(memory, count: count, into: values)
  }

  /// Reads `count` elements of this type, exactly.
  package func read(_ memory: UnsafeRawPointer, count: Int, into values: UnsafeMutablePointer<Double>) {
    swiftType.read(memory, count: count, into: values)
  }
}
