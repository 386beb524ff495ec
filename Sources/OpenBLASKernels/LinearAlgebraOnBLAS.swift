#if OpenBLAS
  import KernelInterface
  import SwiftKernels

  extension OpenBLASKernels {
    package var float32: any LinearAlgebra<Float> { BLASFloat32() }
    package var float64: any LinearAlgebra<Double> { BLASFloat64() }
  }

  /// The kernels of linear algebra on cblas, written once for both scalar types.
  protocol LinearAlgebraOnBLAS: LinearAlgebra where Scalar: CBLASScalar {
    /// What BLAS lacks.
    associatedtype Fallback: LinearAlgebra<Scalar> & Elementwise<Scalar>
    var swift: Fallback { get }
  }

  /// OpenBLAS on `Float`.
  struct BLASFloat32: LinearAlgebraOnBLAS {
    let swift = SwiftFloat32()
  }

  /// OpenBLAS on `Double`.
  struct BLASFloat64: LinearAlgebraOnBLAS {
    let swift = SwiftFloat64()
  }
#endif
