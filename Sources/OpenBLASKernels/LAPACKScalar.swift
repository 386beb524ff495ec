#if OpenBLAS
  import CLAPACKE
  import KernelInterface

  /// A scalar type that LAPACK computes with. Only this file calls LAPACKE.
  ///
  /// All matrices are column-major. These functions neither scan for NaN nor allocate. The caller passes
  /// workspaces of the documented size, because a workspace query returns the size in the scalar type, which
  /// rounds sizes above 2²⁴. Each function returns LAPACK's `INFO`, and traps if it names a wrong argument.
  package protocol LAPACKScalar: BLASScalar {
    /// Computes the eigenvalues and, over A, the eigenvectors of a symmetric matrix. Only the upper triangle
    /// is read.
    static func syevd(
      size: Int, _ a: UnsafeMutablePointer<Self>, _ eigenvalues: UnsafeMutablePointer<Self>,
      _ work: UnsafeMutableBufferPointer<Self>, _ integers: UnsafeMutableBufferPointer<LAPACKInteger>
    ) -> Int

    /// A = L Q, with L on and below the diagonal of A and Q as reflectors.
    static func gelqf(
      rows: Int, columns: Int, _ a: UnsafeMutablePointer<Self>, columnStride: Int,
      _ factors: UnsafeMutablePointer<Self>, _ work: UnsafeMutableBufferPointer<Self>)

    /// Computes the first `rows` rows of the Q whose `rows` reflectors `gelqf` stored in A.
    static func orglq(
      rows: Int, columns: Int, _ a: UnsafeMutablePointer<Self>, columnStride: Int,
      _ factors: UnsafePointer<Self>, _ work: UnsafeMutableBufferPointer<Self>)

    /// A = U Σ Vᵀ with min(rows, columns) columns of U and rows of Vᵀ. A is overwritten.
    static func gesdd(
      rows: Int, columns: Int, _ a: UnsafeMutablePointer<Self>, _ singularValues: UnsafeMutablePointer<Self>,
      _ u: UnsafeMutablePointer<Self>, _ vTransposed: UnsafeMutablePointer<Self>,
      _ work: UnsafeMutableBufferPointer<Self>, _ integers: UnsafeMutableBufferPointer<LAPACKInteger>
    ) -> Int

    /// A = Uᵀ U, with U on and above the diagonal of A.
    static func potrf(size: Int, _ a: UnsafeMutablePointer<Self>) -> Int
  }

  extension Float: LAPACKScalar {
    package static func syevd(
      size: Int, _ a: UnsafeMutablePointer<Float>, _ eigenvalues: UnsafeMutablePointer<Float>,
      _ work: UnsafeMutableBufferPointer<Float>, _ integers: UnsafeMutableBufferPointer<LAPACKInteger>
    ) -> Int {
      checked(
        LAPACKE_ssyevd_work(
          LAPACK_COL_MAJOR, jobV, triangleU, narrowed(size), a, columnStride(size), eigenvalues,
          work.baseAddress, narrowed(work.count), integers.baseAddress, narrowed(integers.count)))
    }

    package static func gelqf(
      rows: Int, columns: Int, _ a: UnsafeMutablePointer<Float>, columnStride stride: Int,
      _ factors: UnsafeMutablePointer<Float>, _ work: UnsafeMutableBufferPointer<Float>
    ) {
      _ = checked(
        LAPACKE_sgelqf_work(
          LAPACK_COL_MAJOR, narrowed(rows), narrowed(columns), a, columnStride(stride), factors,
          work.baseAddress, narrowed(work.count)))
    }

    package static func orglq(
      rows: Int, columns: Int, _ a: UnsafeMutablePointer<Float>, columnStride stride: Int,
      _ factors: UnsafePointer<Float>, _ work: UnsafeMutableBufferPointer<Float>
    ) {
      _ = checked(
        LAPACKE_sorglq_work(
          LAPACK_COL_MAJOR, narrowed(rows), narrowed(columns), narrowed(rows), a, columnStride(stride),
          factors,
          work.baseAddress, narrowed(work.count)))
    }

    package static func gesdd(
      rows: Int, columns: Int, _ a: UnsafeMutablePointer<Float>,
      _ singularValues: UnsafeMutablePointer<Float>,
      _ u: UnsafeMutablePointer<Float>, _ vTransposed: UnsafeMutablePointer<Float>,
      _ work: UnsafeMutableBufferPointer<Float>, _ integers: UnsafeMutableBufferPointer<LAPACKInteger>
    ) -> Int {
      checked(
        LAPACKE_sgesdd_work(
          LAPACK_COL_MAJOR, jobS, narrowed(rows), narrowed(columns), a, columnStride(rows), singularValues,
          u, columnStride(rows), vTransposed, columnStride(min(rows, columns)),
          work.baseAddress, narrowed(work.count), integers.baseAddress))
    }

    package static func potrf(size: Int, _ a: UnsafeMutablePointer<Float>) -> Int {
      checked(LAPACKE_spotrf_work(LAPACK_COL_MAJOR, triangleU, narrowed(size), a, columnStride(size)))
    }
  }

  extension Double: LAPACKScalar {
    package static func syevd(
      size: Int, _ a: UnsafeMutablePointer<Double>, _ eigenvalues: UnsafeMutablePointer<Double>,
      _ work: UnsafeMutableBufferPointer<Double>, _ integers: UnsafeMutableBufferPointer<LAPACKInteger>
    ) -> Int {
      checked(
        LAPACKE_dsyevd_work(
          LAPACK_COL_MAJOR, jobV, triangleU, narrowed(size), a, columnStride(size), eigenvalues,
          work.baseAddress, narrowed(work.count), integers.baseAddress, narrowed(integers.count)))
    }

    package static func gelqf(
      rows: Int, columns: Int, _ a: UnsafeMutablePointer<Double>, columnStride stride: Int,
      _ factors: UnsafeMutablePointer<Double>, _ work: UnsafeMutableBufferPointer<Double>
    ) {
      _ = checked(
        LAPACKE_dgelqf_work(
          LAPACK_COL_MAJOR, narrowed(rows), narrowed(columns), a, columnStride(stride), factors,
          work.baseAddress, narrowed(work.count)))
    }

    package static func orglq(
      rows: Int, columns: Int, _ a: UnsafeMutablePointer<Double>, columnStride stride: Int,
      _ factors: UnsafePointer<Double>, _ work: UnsafeMutableBufferPointer<Double>
    ) {
      _ = checked(
        LAPACKE_dorglq_work(
          LAPACK_COL_MAJOR, narrowed(rows), narrowed(columns), narrowed(rows), a, columnStride(stride),
          factors,
          work.baseAddress, narrowed(work.count)))
    }

    package static func gesdd(
      rows: Int, columns: Int, _ a: UnsafeMutablePointer<Double>,
      _ singularValues: UnsafeMutablePointer<Double>,
      _ u: UnsafeMutablePointer<Double>, _ vTransposed: UnsafeMutablePointer<Double>,
      _ work: UnsafeMutableBufferPointer<Double>, _ integers: UnsafeMutableBufferPointer<LAPACKInteger>
    ) -> Int {
      checked(
        LAPACKE_dgesdd_work(
          LAPACK_COL_MAJOR, jobS, narrowed(rows), narrowed(columns), a, columnStride(rows), singularValues,
          u, columnStride(rows), vTransposed, columnStride(min(rows, columns)),
          work.baseAddress, narrowed(work.count), integers.baseAddress))
    }

    package static func potrf(size: Int, _ a: UnsafeMutablePointer<Double>) -> Int {
      checked(LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, triangleU, narrowed(size), a, columnStride(size)))
    }
  }

  private let jobV = CChar(UInt8(ascii: "V"))
  private let jobS = CChar(UInt8(ascii: "S"))
  private let triangleU = CChar(UInt8(ascii: "U"))

  /// Returns a column stride, which LAPACK requires to be at least 1 even if there is nothing to stride over.
  private func columnStride(_ rows: Int) -> LAPACKInteger { narrowed(max(1, rows)) }

  /// Returns `info`, and traps if it says that this package passed a wrong argument.
  private func checked(_ info: LAPACKInteger, _ function: String = #function) -> Int {
    guard info >= 0 else { fatalError("LAPACK refuses argument \(-info) of \(function).") }
    return Int(info)
  }
#endif
