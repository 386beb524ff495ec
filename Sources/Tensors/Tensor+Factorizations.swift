import KernelInterface

extension Tensor {
  // MARK: Symmetric matrices

  /// Returns the eigenvalues and eigenvectors of a symmetric matrix.
  ///
  /// Only the elements on and below the diagonal are used, but all must be finite. The sign of each
  /// eigenvector, and the basis of eigenvectors with equal eigenvalues, depend on the backend. The number of
  /// OpenBLAS threads can change the last bits. A matrix of 16-bit elements is factored in Float32.
  ///
  /// - Throws: ``LinearAlgebraError/nonFinite(operation:element:row:column:)``,
  ///   ``LinearAlgebraError/notConverged(operation:shape:)``.
  /// - Precondition: The matrix is square.
  /// - Complexity: O(n³).
  public func eigh() throws(LinearAlgebraError) -> SymmetricEigendecomposition {
    var result = SymmetricEigendecomposition(values: Tensor(zeros: [0]), rows: Tensor(zeros: [0, 0]))
    try eigh(into: &result)
    return result
  }

  /// Overwrites `result` with the eigenvalues and eigenvectors of a symmetric matrix, as in ``eigh()``.
  ///
  /// No tensors are allocated if the tensors in `result` have the right shapes and this tensor's type, and
  /// nothing else uses their memory. If this throws, `result` is unchanged unless the iteration did not
  /// converge.
  public func eigh(into result: inout SymmetricEigendecomposition) throws(LinearAlgebraError) {
    try eigh(into: &result, on: Backend.default.kernels)
  }

  /// Overwrites `result` with the eigenvalues and eigenvectors, computed by the kernels of this table.
  package func eigh(
    into result: inout SymmetricEigendecomposition, on kernels: KernelTable
  ) throws(LinearAlgebraError) {
    let size = requireSquare("eigh()")
    try factorize(.eigh, into: &result, [(\.values, [size]), (\.rows, [size, size])], on: kernels)
  }

  /// Returns the Cholesky factor of a symmetric positive definite matrix: the lower triangular L with A = L Lᵀ.
  ///
  /// Only the elements on and below the diagonal are used, but all must be finite.
  ///
  /// - Throws: ``LinearAlgebraError/nonFinite(operation:element:row:column:)``,
  ///   ``LinearAlgebraError/notPositiveDefinite(minor:shape:)``.
  /// - Precondition: The matrix is square.
  /// - Complexity: O(n³).
  public func cholesky() throws(LinearAlgebraError) -> Tensor {
    let size = requireSquare(#function)
    var factor = Tensor(zeros: [0, 0])
    try factorize(.cholesky, into: &factor, [(\.self, [size, size])])
    return factor
  }

  // MARK: Matrices of any shape

  /// Returns the thin QR factorization: orthonormal columns and an upper triangle.
  ///
  /// The signs match LAPACK's on every backend: diagonal elements of R can be negative. The Q of a matrix of
  /// zeros is the identity.
  ///
  /// - Throws: ``LinearAlgebraError/nonFinite(operation:element:row:column:)``.
  /// - Precondition: The tensor has two axes.
  /// - Complexity: O(n m min(n, m)).
  public func qr() throws(LinearAlgebraError) -> QRFactorization {
    var result = QRFactorization(q: Tensor(zeros: [0, 0]), r: Tensor(zeros: [0, 0]))
    try qr(into: &result)
    return result
  }

  /// Overwrites `result` with the thin QR factorization, as in ``qr()``.
  ///
  /// No tensors are allocated if the tensors in `result` have the right shapes and this tensor's type, and
  /// nothing else uses their memory. If this throws, `result` is unchanged.
  public func qr(into result: inout QRFactorization) throws(LinearAlgebraError) {
    let (rows, columns) = requireMatrix(#function)
    let rank = min(rows, columns)
    try factorize(.qr, into: &result, [(\.q, [rows, rank]), (\.r, [rank, columns])])
  }

  /// Returns only the Q of ``qr()``. On OpenBLAS this is much faster, because LAPACK's QR makes poor use of
  /// two threads.
  ///
  /// - Throws: ``LinearAlgebraError/nonFinite(operation:element:row:column:)``.
  /// - Precondition: The tensor has two axes.
  package func orthogonalFactor() throws(LinearAlgebraError) -> Tensor {
    let (rows, columns) = requireMatrix(#function)
    var result = Tensor(zeros: [0, 0])
    try factorize(.orthogonalFactor, into: &result, [(\.self, [rows, min(rows, columns)])])
    return result
  }

  /// Returns the thin singular value decomposition.
  ///
  /// The signs of the vectors, and the bases of vectors with equal singular values, depend on the backend.
  ///
  /// - Throws: ``LinearAlgebraError/nonFinite(operation:element:row:column:)``,
  ///   ``LinearAlgebraError/notConverged(operation:shape:)``.
  /// - Precondition: The tensor has two axes.
  /// - Complexity: O(n m min(n, m)).
  public func svd() throws(LinearAlgebraError) -> SingularValueDecomposition {
    let empty = Tensor(zeros: [0, 0])
    var result = SingularValueDecomposition(u: empty, values: empty, vTransposed: empty)
    try svd(into: &result)
    return result
  }

  /// Overwrites `result` with the thin singular value decomposition, as in ``svd()``.
  ///
  /// No tensors are allocated if the tensors in `result` have the right shapes and this tensor's type, and
  /// nothing else uses their memory. If this throws, `result` is unchanged unless the iteration did not
  /// converge.
  public func svd(into result: inout SingularValueDecomposition) throws(LinearAlgebraError) {
    let (rows, columns) = requireMatrix(#function)
    let rank = min(rows, columns)
    try factorize(
      .svd, into: &result, [(\.u, [rows, rank]), (\.values, [rank]), (\.vTransposed, [rank, columns])])
  }
}
