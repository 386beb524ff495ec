import KernelInterface
import RealModule
import SwiftKernels

/// A scalar type that the kernels compute with.
package protocol ArithmeticScalar: TensorScalar, BinaryFloatingPoint, SIMDScalar, Codable {
  /// Linear algebra on the default backend.
  static var linearAlgebra: any LinearAlgebra<Self> { get }

  /// Elementwise operations, the same on every backend.
  static var elementwise: any Elementwise<Self> { get }
}

extension Float: ArithmeticScalar {
  package static var linearAlgebra: any LinearAlgebra<Float> { Backend.default.kernels.float32 }
  package static var elementwise: any Elementwise<Float> { SwiftFloat32() }
}

extension Double: ArithmeticScalar {
  package static var linearAlgebra: any LinearAlgebra<Double> { Backend.default.kernels.float64 }
  package static var elementwise: any Elementwise<Double> { SwiftFloat64() }
}

extension ScalarType {
  /// The Swift type that tensors of this type are computed in.
  package var arithmeticSwiftType: any ArithmeticScalar.Type {
    self == .float64 ? Double.self : Float.self
  }
}

extension Tensor {
  /// This tensor in the type that it is computed in: itself, unless its type has 16 bits.
  var inArithmeticType: Tensor { converted(to: scalarType.arithmeticType) }
}
