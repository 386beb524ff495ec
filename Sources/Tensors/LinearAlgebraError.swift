/// An error of a factorization that is caused by the matrix.
public enum LinearAlgebraError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The matrix has an element that is NaN or infinite. LAPACK might never return for it.
  case nonFinite(operation: String, element: Double, row: Int, column: Int)
  /// The iteration did not converge in the matrix's own precision or in Float64.
  case notConverged(operation: String, shape: Shape)
  /// The leading minor of this size is not positive: the matrix has no Cholesky factor.
  case notPositiveDefinite(minor: Int, shape: Shape)

  /// A message with the problem, the values and the remedy.
  public var description: String {
    switch self {
    case .nonFinite(let operation, let element, let row, let column):
      "\(operation) needs finite elements, but element [\(row), \(column)] is \(element): check the source "
        + "of the matrix."
    case .notConverged(let operation, let shape):
      """
      \(operation) of a matrix of shape \(shape) did not converge, not even in Float64: \
      scale the matrix, or add a multiple of the identity.
      """
    case .notPositiveDefinite(let minor, let shape):
      """
      A matrix of shape \(shape) is not positive definite: its leading minor of size \(minor) is not \
      positive. Add a multiple of the identity, or use eigh().
      """
    }
  }
}
