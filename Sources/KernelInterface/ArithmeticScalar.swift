/// A scalar type that kernels compute in: `Float`, or `Double` for Float64.
package protocol ArithmeticScalar: TensorScalar, BinaryFloatingPoint, SIMDScalar, Codable {
  /// The linear algebra of this type in a table.
  static func linearAlgebra(of kernels: KernelTable) -> LinearAlgebraKernels<Self>
}

extension Float: ArithmeticScalar {
  package static func linearAlgebra(of kernels: KernelTable) -> LinearAlgebraKernels<Float> {
    kernels.float32
  }
}

extension Double: ArithmeticScalar {
  package static func linearAlgebra(of kernels: KernelTable) -> LinearAlgebraKernels<Double> {
    kernels.float64
  }
}

extension ScalarType {
  /// The Swift type that elements of this type are computed in.
  package var arithmeticSwiftType: any ArithmeticScalar.Type {
    self == .float64 ? Double.self : Float.self
  }
}
