/// The eigenvalues and eigenvectors of a symmetric matrix: A = Q Λ Qᵀ.
public struct SymmetricEigendecomposition: Sendable {
  /// The eigenvalues in ascending order, n elements.
  public var values: Tensor
  /// Qᵀ, n × n: row i is the eigenvector of eigenvalue i, of length 1.
  public var rows: Tensor

  /// Creates a decomposition of these factors.
  public init(values: Tensor, rows: Tensor) {
    self.values = values
    self.rows = rows
  }

  /// Q, n × n: column i is the eigenvector of eigenvalue i, as in `numpy.linalg.eigh`. This is a transposed
  /// copy of ``rows``.
  public var vectors: Tensor { rows.transposed() }
}

/// An orthonormal and a triangular factor: A = Q R, with k = min(n, m) for a matrix of n × m.
public struct QRFactorization: Sendable {
  /// Q, n × k, with orthonormal columns.
  public var q: Tensor
  /// R, k × m, upper triangular.
  public var r: Tensor

  /// Creates a factorization of these factors.
  public init(q: Tensor, r: Tensor) {
    self.q = q
    self.r = r
  }
}

/// The singular values and vectors of a matrix: A = U Σ Vᵀ, with k = min(n, m) for a matrix of n × m.
public struct SingularValueDecomposition: Sendable {
  /// U, n × k, with orthonormal columns.
  public var u: Tensor
  /// The singular values in descending order, k elements.
  public var values: Tensor
  /// Vᵀ, k × m, with orthonormal rows.
  public var vTransposed: Tensor

  /// Creates a decomposition of these factors.
  public init(u: Tensor, values: Tensor, vTransposed: Tensor) {
    self.u = u
    self.values = values
    self.vTransposed = vTransposed
  }
}
