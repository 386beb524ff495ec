#if OpenBLAS
  import CLAPACKE
  import KernelInterface

  /// Factorizations on LAPACK without a transposed copy: LAPACK sees the transpose of each row-major matrix.
  ///
  /// The lower triangle is LAPACK's upper one, A = Q R is its Aᵀ = Rᵀ Qᵀ, and the U and V of A are its V and
  /// U.
  struct FactorizationsOnLAPACK<Scalar: LAPACKScalar>: Sendable {
    /// The factorizations of matrices that are too large for LAPACK's 32-bit workspace sizes.
    let swift: FactorizationKernels<Scalar>

    /// The number of workspace elements per row: LAPACK's block size is 32, and OpenBLAS's own routines use
    /// at most 64.
    private let workPerRow = 64

    func eigh(
      _ a: UnsafePointer<Scalar>, size: Int, eigenvalues: UnsafeMutablePointer<Scalar>,
      eigenvectors: UnsafeMutablePointer<Scalar>
    ) -> Bool {
      let work = 1 + 6 * size + 2 * size * size
      guard fits(work) else { return swift.eigh(a, size, eigenvalues, eigenvectors) }
      if UnsafePointer(eigenvectors) != a { eigenvectors.update(from: a, count: size * size) }
      return withWorkspace(work, integers: 3 + 5 * size) {
        Scalar.syevd(size: size, eigenvectors, eigenvalues, $0, $1) == 0
      }
    }

    func qr(
      _ a: UnsafePointer<Scalar>, rows: Int, columns: Int, q: UnsafeMutablePointer<Scalar>,
      r: UnsafeMutablePointer<Scalar>
    ) {
      let rank = min(rows, columns)
      guard rank > 0 else { return }
      // LAPACK computes in the output that is as large as A. The other output is copied from there.
      let isTall = rows >= columns
      let matrix = isTall ? q : r
      matrix.update(from: a, count: rows * columns)
      withWorkspace(rank + workPerRow * columns, integers: 0) { work, _ in
        let factors = work.baseAddress!
        let work = UnsafeMutableBufferPointer(rebasing: work[rank...])
        Scalar.gelqf(rows: columns, columns: rows, matrix, columnStride: columns, factors, work)
        if isTall {
          r.update(from: q, count: rank * columns)
        } else {
          for i in 0..<rows { (q + i * rows).update(from: r + i * columns, count: rows) }
        }
        for i in 1..<max(1, rank) { (r + i * columns).update(repeating: 0, count: i) }
        Scalar.orglq(rows: rank, columns: rows, q, columnStride: rank, factors, work)
      }
    }

    func svd(
      _ a: UnsafePointer<Scalar>, rows: Int, columns: Int, u: UnsafeMutablePointer<Scalar>,
      singularValues: UnsafeMutablePointer<Scalar>, vTransposed: UnsafeMutablePointer<Scalar>
    ) -> Bool {
      let (rank, longest) = (min(rows, columns), max(rows, columns))
      guard rank > 0 else { return true }
      let count = rows * columns
      // The minimum, plus room for the blocks of the QR factorization that first reduces a long matrix.
      let work = 4 * rank * rank + 7 * rank + workPerRow * longest
      guard fits(count + work) else { return swift.svd(a, rows, columns, u, singularValues, vTransposed) }
      return withWorkspace(count + work, integers: 8 * rank) { work, integers in
        let copy = work.baseAddress!
        copy.update(from: a, count: count)
        return Scalar.gesdd(
          rows: columns, columns: rows, copy, singularValues, vTransposed, u,
          UnsafeMutableBufferPointer(rebasing: work[count...]), integers) == 0
      }
    }

    func cholesky(
      _ a: UnsafePointer<Scalar>, size: Int, factor: UnsafeMutablePointer<Scalar>
    ) -> Int? {
      if UnsafePointer(factor) != a { factor.update(from: a, count: size * size) }
      let minor = Scalar.potrf(size: size, factor)
      for i in 0..<size { (factor + (i * size + i + 1)).update(repeating: 0, count: size - i - 1) }
      return minor == 0 ? nil : minor
    }

    /// Returns whether LAPACK's integers can count this many elements.
    private func fits(_ count: Int) -> Bool { LAPACKInteger(exactly: count) != nil }

    private func withWorkspace<Result>(
      _ count: Int, integers integerCount: Int,
      _ body: (UnsafeMutableBufferPointer<Scalar>, UnsafeMutableBufferPointer<LAPACKInteger>) -> Result
    ) -> Result {
      withUnsafeTemporaryAllocation(of: Scalar.self, capacity: count) { work in
        withUnsafeTemporaryAllocation(of: LAPACKInteger.self, capacity: max(1, integerCount)) {
          body(work, $0)
        }
      }
    }
  }
#endif
