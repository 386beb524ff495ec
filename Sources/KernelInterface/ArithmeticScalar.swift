/// A scalar type that kernels compute in: `Float`, or `Double` for Float64.
package protocol ArithmeticScalar: TensorScalar, BinaryFloatingPoint, SIMDScalar, Codable {
  /// Returns the linear algebra of this type in a table.
  static func linearAlgebra(of kernels: KernelTable) -> LinearAlgebraKernels<Self>
  /// Returns the factorizations of matrices of this type in a table.
  static func factorizations(of kernels: KernelTable) -> FactorizationKernels<Self>
  /// Returns the conversion of elements to this type in a table.
  static func reading(of kernels: KernelTable)
    -> @Sendable (Elements, Int, UnsafeMutablePointer<Self>) -> Void
}

extension Float: ArithmeticScalar {
  package static func linearAlgebra(of kernels: KernelTable) -> LinearAlgebraKernels<Float> {
    kernels.float32
  }

  package static func factorizations(of kernels: KernelTable) -> FactorizationKernels<Float> {
    kernels.factorizations32
  }

  package static func reading(
    of kernels: KernelTable
  ) -> @Sendable (Elements, Int, UnsafeMutablePointer<Float>) -> Void { kernels.conversion.readFloat }
}

extension Double: ArithmeticScalar {
  package static func linearAlgebra(of kernels: KernelTable) -> LinearAlgebraKernels<Double> {
    kernels.float64
  }

  package static func factorizations(of kernels: KernelTable) -> FactorizationKernels<Double> {
    kernels.factorizations64
  }

  package static func reading(
    of kernels: KernelTable
  ) -> @Sendable (Elements, Int, UnsafeMutablePointer<Double>) -> Void { kernels.conversion.readDouble }
}

extension ScalarType {
  /// The Swift type that elements of this type are computed in.
  package var arithmeticSwiftType: any ArithmeticScalar.Type {
    self == .float64 ? Double.self : Float.self
  }
}
