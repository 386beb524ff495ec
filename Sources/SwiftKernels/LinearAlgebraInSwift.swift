import KernelInterface

extension SwiftKernels {
  package var float32: any LinearAlgebra<Float> { SwiftFloat32() }
  package var float64: any LinearAlgebra<Double> { SwiftFloat64() }
}

/// The kernels of linear algebra in pure Swift, written once for both scalar types.
///
/// They are default implementations of a protocol that two concrete types adopt, because each witness is then compiled
/// for its type; those of a generic type would be called unspecialized.
package protocol LinearAlgebraInSwift: LinearAlgebra {}

/// Pure Swift on `Float`.
package struct SwiftFloat32: LinearAlgebraInSwift, ElementwiseInSwift {
  package typealias Scalar = Float
  /// The kernels have no state.
  package init() {}
}

/// Pure Swift on `Double`.
package struct SwiftFloat64: LinearAlgebraInSwift, ElementwiseInSwift {
  package typealias Scalar = Double
  /// The kernels have no state.
  package init() {}
}
