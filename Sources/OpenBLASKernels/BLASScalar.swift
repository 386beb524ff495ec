#if OpenBLAS
  import COpenBLAS
  import KernelInterface

  /// A scalar type that cblas computes with. Only this file calls cblas.
  ///
  /// The wrappers check what cblas does not check, and keep OpenBLAS on the calling thread. OpenBLAS starts
  /// its own threads for a `gemv` of 9,216 elements and for vectors of more than 10,000 elements, and its
  /// only thread setting belongs to the whole process, so it is never changed. Therefore, vectors are passed
  /// in pieces of at most ``tileCapacity`` elements, which gives the same bits because these operations treat
  /// elements independently. The caller must divide larger matrices and the vectors of a larger `dot` into
  /// tiles. Only `gemm` and `syrk` may use the process's OpenBLAS threads.
  ///
  /// BLAS hides NaN if a factor is 0: OpenBLAS 0.3.21 writes zeros in `scal` and returns from `axpy`. Callers
  /// that must propagate NaN check for 0 themselves.
  package protocol BLASScalar: ArithmeticScalar {
    /// y ← α op(A) x + βy, with A `rows` × `columns`, row i at `a + i * rowStride`.
    ///
    /// - Precondition: At most ``tileCapacity`` elements.
    static func gemv(
      transposed: Bool, rows: Int, columns: Int, alpha: Self, _ a: UnsafePointer<Self>, rowStride: Int,
      _ x: UnsafePointer<Self>, beta: Self, _ y: UnsafeMutablePointer<Self>)

    /// y ← y + αx.
    static func axpy(count: Int, alpha: Self, _ x: UnsafePointer<Self>, _ y: UnsafeMutablePointer<Self>)

    /// x ← αx.
    static func scal(count: Int, alpha: Self, _ x: UnsafeMutablePointer<Self>)

    /// Returns Σ xᵢyᵢ.
    ///
    /// - Precondition: At most ``tileCapacity`` elements.
    static func dot(count: Int, _ x: UnsafePointer<Self>, _ y: UnsafePointer<Self>) -> Self

    /// C ← α op(A) op(B) + βC, with op(A) `rows` × `inner`, op(B) `inner` × `columns`.
    static func gemm(
      transposedA: Bool, transposedB: Bool, rows: Int, columns: Int, inner: Int,
      alpha: Self, _ a: UnsafePointer<Self>, rowStride strideA: Int,
      _ b: UnsafePointer<Self>, rowStride strideB: Int,
      beta: Self, _ c: UnsafeMutablePointer<Self>, rowStride strideC: Int)

    /// C ← α op(A) op(A)ᵀ + βC on and below the diagonal of C, with op(A) `size` × `inner` and C contiguous.
    static func syrk(
      transposed: Bool, size: Int, inner: Int, alpha: Self, _ a: UnsafePointer<Self>, rowStride strideA: Int,
      beta: Self, _ c: UnsafeMutablePointer<Self>)
  }

  extension BLASScalar {
    /// The maximum number of elements of one call that stays on the calling thread: 32 × 256.
    package static var tileCapacity: Int { 8192 }

    /// The maximum length of a side of a tile: 256 for `Float`, 128 for `Double`.
    ///
    /// `gemv` needs scratch memory of rows + columns elements + 128 bytes. Up to 2,048 bytes are on the
    /// stack; larger scratch memory comes from a pool with a lock that all threads share.
    static var tileSide: Int { 1024 / MemoryLayout<Self>.stride }
  }

  extension Float: BLASScalar {
    package static func gemv(
      transposed: Bool, rows: Int, columns: Int, alpha: Float, _ a: UnsafePointer<Float>, rowStride: Int,
      _ x: UnsafePointer<Float>, beta: Float, _ y: UnsafeMutablePointer<Float>
    ) {
      checkTile(rows, columns)
      cblas_sgemv(
        CblasRowMajor, transposed ? CblasTrans : CblasNoTrans, narrowed(rows), narrowed(columns),
        alpha, a, narrowed(rowStride), x, 1, beta, y, 1)
    }

    package static func axpy(
      count: Int, alpha: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
    ) {
      forEachPiece(count) { cblas_saxpy($1, alpha, x + $0, 1, y + $0, 1) }
    }

    package static func scal(count: Int, alpha: Float, _ x: UnsafeMutablePointer<Float>) {
      forEachPiece(count) { cblas_sscal($1, alpha, x + $0, 1) }
    }

    package static func dot(count: Int, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>) -> Float {
      checkTile(1, count)
      return cblas_sdot(narrowed(count), x, 1, y, 1)
    }

    package static func gemm(
      transposedA: Bool, transposedB: Bool, rows: Int, columns: Int, inner: Int,
      alpha: Float, _ a: UnsafePointer<Float>, rowStride strideA: Int,
      _ b: UnsafePointer<Float>, rowStride strideB: Int,
      beta: Float, _ c: UnsafeMutablePointer<Float>, rowStride strideC: Int
    ) {
      cblas_sgemm(
        CblasRowMajor, transposedA ? CblasTrans : CblasNoTrans, transposedB ? CblasTrans : CblasNoTrans,
        narrowed(rows), narrowed(columns), narrowed(inner),
        alpha, a, rowStride(strideA), b, rowStride(strideB), beta, c, rowStride(strideC))
    }

    package static func syrk(
      transposed: Bool, size: Int, inner: Int, alpha: Float, _ a: UnsafePointer<Float>,
      rowStride strideA: Int,
      beta: Float, _ c: UnsafeMutablePointer<Float>
    ) {
      cblas_ssyrk(
        CblasRowMajor, CblasLower, transposed ? CblasTrans : CblasNoTrans, narrowed(size), narrowed(inner),
        alpha, a, rowStride(strideA), beta, c, rowStride(size))
    }
  }

  extension Double: BLASScalar {
    package static func gemv(
      transposed: Bool, rows: Int, columns: Int, alpha: Double, _ a: UnsafePointer<Double>, rowStride: Int,
      _ x: UnsafePointer<Double>, beta: Double, _ y: UnsafeMutablePointer<Double>
    ) {
      checkTile(rows, columns)
      cblas_dgemv(
        CblasRowMajor, transposed ? CblasTrans : CblasNoTrans, narrowed(rows), narrowed(columns),
        alpha, a, narrowed(rowStride), x, 1, beta, y, 1)
    }

    package static func axpy(
      count: Int, alpha: Double, _ x: UnsafePointer<Double>, _ y: UnsafeMutablePointer<Double>
    ) {
      forEachPiece(count) { cblas_daxpy($1, alpha, x + $0, 1, y + $0, 1) }
    }

    package static func scal(count: Int, alpha: Double, _ x: UnsafeMutablePointer<Double>) {
      forEachPiece(count) { cblas_dscal($1, alpha, x + $0, 1) }
    }

    package static func dot(count: Int, _ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>) -> Double {
      checkTile(1, count)
      return cblas_ddot(narrowed(count), x, 1, y, 1)
    }

    package static func gemm(
      transposedA: Bool, transposedB: Bool, rows: Int, columns: Int, inner: Int,
      alpha: Double, _ a: UnsafePointer<Double>, rowStride strideA: Int,
      _ b: UnsafePointer<Double>, rowStride strideB: Int,
      beta: Double, _ c: UnsafeMutablePointer<Double>, rowStride strideC: Int
    ) {
      cblas_dgemm(
        CblasRowMajor, transposedA ? CblasTrans : CblasNoTrans, transposedB ? CblasTrans : CblasNoTrans,
        narrowed(rows), narrowed(columns), narrowed(inner),
        alpha, a, rowStride(strideA), b, rowStride(strideB), beta, c, rowStride(strideC))
    }

    package static func syrk(
      transposed: Bool, size: Int, inner: Int, alpha: Double, _ a: UnsafePointer<Double>,
      rowStride strideA: Int,
      beta: Double, _ c: UnsafeMutablePointer<Double>
    ) {
      cblas_dsyrk(
        CblasRowMajor, CblasLower, transposed ? CblasTrans : CblasNoTrans, narrowed(size), narrowed(inner),
        alpha, a, rowStride(strideA), beta, c, rowStride(size))
    }
  }

  /// Returns the number of OpenBLAS's threads, a setting of the process.
  @Sendable func openBLASThreads() -> Int { Int(openblas_get_num_threads()) }

  // MARK: Checks

  extension BLASScalar {
    /// Calls `body(start, count)` on pieces of at most ``tileCapacity`` elements, in order.
    @inline(__always)
    fileprivate static func forEachPiece(_ count: Int, _ body: (Int, blasint) -> Void) {
      var start = 0
      while start < count {
        let piece = min(tileCapacity, count - start)
        body(start, narrowed(piece))
        start += piece
      }
    }
  }

  /// Returns `value` as the library's integer. Traps if it does not fit, and never truncates.
  @inline(__always)
  func narrowed<Integer: FixedWidthInteger>(_ value: Int) -> Integer {
    guard let result = Integer(exactly: value) else {
      fatalError("A size of \(value) does not fit OpenBLAS's integer, which ends at \(Integer.max).")
    }
    return result
  }

  /// Returns a row stride, which cblas requires to be at least 1 even if there is nothing to stride over.
  @inline(__always)
  private func rowStride(_ columns: Int) -> blasint { narrowed(max(1, columns)) }

  /// Traps if a call would not stay on the calling thread.
  @inline(__always)
  private func checkTile(_ rows: Int, _ columns: Int) {
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    guard !overflow && count <= Float.tileCapacity else {
      fatalError(
        "A tile of \(rows) × \(columns) is more than the \(Float.tileCapacity) elements that OpenBLAS keeps "
          + "on one thread."
      )
    }
  }
#endif
