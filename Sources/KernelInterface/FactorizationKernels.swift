/// The factorizations of matrices of one scalar type.
///
/// Matrices are row-major and contiguous, and every size may be 0. All elements that are read must be finite:
/// otherwise, LAPACK may not return. Inputs are unchanged unless a kernel says that an output may use the
/// input's memory. LAPACK may use OpenBLAS's threads, and its results then depend on their number. The Swift
/// kernels run on the calling thread.
package struct FactorizationKernels<Scalar: ArithmeticScalar>: Sendable {
  /// Elements to read.
  package typealias Input = UnsafePointer<Scalar>
  /// Elements to write.
  package typealias Output = UnsafeMutablePointer<Scalar>

  /// A = Q Λ Qᵀ of a symmetric matrix. Only the elements on and below the diagonal are read.
  ///
  /// Writes the eigenvalues in ascending order and Qᵀ: row i is the eigenvector of eigenvalue i. Qᵀ may be A's memory.
  /// Returns whether the iteration converged; if not, the outputs are undefined.
  package var eigh: @Sendable (Input, _ size: Int, _ eigenvalues: Output, _ eigenvectors: Output) -> Bool
  /// A = Q R with k = min(rows, columns): Q is `rows` × k with orthonormal columns, R is k × `columns`, upper triangular.
  ///
  /// The signs are LAPACK's: a diagonal element of R has the opposite sign of the element that it was
  /// computed from.
  package var qr: @Sendable (Input, _ rows: Int, _ columns: Int, _ q: Output, _ r: Output) -> Void
  /// Only the Q of `qr`, in blocks of reflections. On every backend, most of the work is matrix products of
  /// the backend.
  package var orthogonalFactor: @Sendable (Input, _ rows: Int, _ columns: Int, _ q: Output) -> Void
  /// A = U Σ Vᵀ with k = min(rows, columns): U is `rows` × k, Vᵀ is k × `columns`, singular values are in
  /// descending order.
  ///
  /// Returns whether the iteration converged; if not, the outputs are undefined.
  package var svd:
    @Sendable (
      Input, _ rows: Int, _ columns: Int, _ u: Output, _ singularValues: Output, _ vTransposed: Output
    ) -> Bool
  /// A = L Lᵀ of a symmetric matrix. Only the elements on and below the diagonal are read. L may be A's
  /// memory.
  ///
  /// Writes L with zeros above the diagonal. Returns `nil`, or the size of the first leading minor that is
  /// not positive. In that case, the output is undefined.
  package var cholesky: @Sendable (Input, _ size: Int, _ factor: Output) -> Int?

  /// Creates a table of these entries, in the order of their declarations.
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
