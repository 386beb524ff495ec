/// The factorizations of matrices of one scalar type.
///
/// Matrices are row-major and contiguous, every size may be 0, and all elements that are read must be finite: LAPACK may
/// not return otherwise. Inputs stay as they are unless a kernel says that an output may be the input's memory. LAPACK may
/// use OpenBLAS's threads, and its results then depend on their number; the Swift kernels run on the calling thread.
package struct FactorizationKernels<Scalar: ArithmeticScalar>: Sendable {
  /// Elements to read.
  package typealias Input = UnsafePointer<Scalar>
  /// Elements to write.
  package typealias Output = UnsafeMutablePointer<Scalar>

  /// A = Q Λ Qᵀ of a symmetric matrix, of which the triangle up to the diagonal is read.
  ///
  /// Writes the eigenvalues in ascending order and Qᵀ: row i is the eigenvector of eigenvalue i. Qᵀ may be A's memory.
  /// Returns whether the iteration converged; if not, the outputs are undefined.
  package var eigh: @Sendable (Input, _ size: Int, _ eigenvalues: Output, _ eigenvectors: Output) -> Bool
  /// A = Q R with k = min(rows, columns): Q is `rows` × k with orthonormal columns, R is k × `columns`, upper triangular.
  ///
  /// The signs are LAPACK's: a diagonal element of R has the sign opposite to the element that it was made of.
  package var qr: @Sendable (Input, _ rows: Int, _ columns: Int, _ q: Output, _ r: Output) -> Void
  /// The Q of `qr` alone, by blocks of reflections: on every backend, most of it is matrix products of the backend.
  package var orthogonalFactor: @Sendable (Input, _ rows: Int, _ columns: Int, _ q: Output) -> Void
  /// A = U Σ Vᵀ with k = min(rows, columns): U is `rows` × k, Vᵀ is k × `columns`, the singular values descend.
  ///
  /// Returns whether the iteration converged; if not, the outputs are undefined.
  package var svd:
    @Sendable (
      Input, _ rows: Int, _ columns: Int, _ u: Output, _ singularValues: Output, _ vTransposed: Output
    ) -> Bool
  /// A = L Lᵀ of a symmetric matrix, of which the triangle up to the diagonal is read; L may be A's memory.
  ///
  /// Writes L with zeros above the diagonal. Returns nil, or the size of the first leading minor that is not positive; the
  /// output is undefined then.
  package var cholesky: @Sendable (Input, _ size: Int, _ factor: Output) -> Int?

  /// The entries, in the order of their declarations.
  package init(
    eigh: @escaping @Sendable (Input, Int, Output, Output) -> Bool,
    qr: @escaping @Sendable (Input, Int, Int, Output, Output) -> Void,
    orthogonalFactor: @escaping @Sendable (Input, Int, Int, Output) -> Void,
    svd: @escaping @Sendable (Input, Int, Int, Output, Output, Output) -> Bool,
    cholesky: @escaping @Sendable (Input, Int, Output) -> Int?
  ) {
    self.eigh = eigh
    self.qr = qr
    self.orthogonalFactor = orthogonalFactor
    self.svd = svd
    self.cholesky = cholesky
  }
}
