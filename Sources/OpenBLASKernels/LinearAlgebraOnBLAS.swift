#if OpenBLAS
  import KernelInterface

  /// Linear algebra on cblas.
  ///
  /// Factors of 0 and NaN are passed to the Swift kernels: OpenBLAS skips a factor of 0, and its `scal` turns
  /// a NaN into zeros, so a NaN would vanish.
  struct LinearAlgebraOnBLAS<Scalar: BLASScalar>: Sendable {
    /// The operations that BLAS lacks.
    let swift: LinearAlgebraKernels<Scalar>

    func scale(_ x: UnsafeMutablePointer<Scalar>, count: Int, by factor: Scalar) {
      if factor == 0 || factor.isNaN {
        swift.scale(x, count, factor)
      } else {
        Scalar.scal(count: count, alpha: factor, x)
      }
    }

    func axpy(
      _ factor: Scalar, _ x: UnsafePointer<Scalar>, count: Int, onto y: UnsafeMutablePointer<Scalar>
    ) {
      if factor == 0 {
        swift.axpy(factor, x, count, y)
      } else {
        Scalar.axpy(count: count, alpha: factor, x, y)
      }
    }

    func movingAverage(
      _ y: UnsafeMutablePointer<Scalar>, count: Int, decay: Scalar, weight: Scalar,
      of x: UnsafePointer<Scalar>
    ) {
      // In pieces, so that the second call finds y in the cache.
      for start in stride(from: 0, to: count, by: Scalar.tileCapacity) {
        let piece = min(Scalar.tileCapacity, count - start)
        scale(y + start, count: piece, by: decay)
        axpy(weight, x + start, count: piece, onto: y + start)
      }
    }

    func matmul(
      _ shape: ProductShape, alpha: Scalar, _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>,
      beta: Scalar, into c: UnsafeMutablePointer<Scalar>
    ) {
      guard shape.rows > 0, shape.columns > 0 else { return }
      Scalar.gemm(
        transposedA: shape.transposesA, transposedB: shape.transposesB,
        rows: shape.rows, columns: shape.columns, inner: shape.inner,
        alpha: alpha, a, rowStride: shape.strideA, b, rowStride: shape.strideB,
        beta: beta, c, rowStride: shape.strideC)
    }

    func symmetricProduct(
      _ shape: ProductShape, alpha: Scalar, _ a: UnsafePointer<Scalar>, beta: Scalar,
      into c: UnsafeMutablePointer<Scalar>
    ) {
      guard shape.rows > 0 else { return }
      Scalar.syrk(
        transposed: shape.transposesA, size: shape.rows, inner: shape.inner,
        alpha: alpha, a, rowStride: shape.strideA, beta: beta, c)
      mirrorLowerTriangle(of: c, size: shape.rows)
    }
  }
#endif
