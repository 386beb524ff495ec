import KernelInterface
import SwiftKernels

/// Conversion of any elements for targets above this one, which see no kernels.
extension Elements {
  /// Reads `count` elements, rounded to nearest where they are Float64, exactly otherwise.
  package func convert(count: Int, into values: UnsafeMutablePointer<Float>) {
    read(count: count, into: values)
  }

  /// Reads `count` elements, exactly.
  package func convert(count: Int, into values: UnsafeMutablePointer<Double>) {
    read(count: count, into: values)
  }
}
