/// What `Tensor`'s operations are made of, per scalar type that arithmetic is done in.
package protocol LinearAlgebraKernels {
  /// The kernels on `Float`.
  var float32: any LinearAlgebra<Float> { get }
  /// The kernels on `Double`.
  var float64: any LinearAlgebra<Double> { get }
}

/// Reductions, vector updates and the matrix product on contiguous memory.
///
/// Matrices are row-major. Nothing is assumed about alignment, every size may be 0, and inputs may not overlap outputs.
/// Each kernel runs on the calling thread and gives the same bits for the same input; the matrix product of the
/// OpenBLAS path alone may use OpenBLAS's threads, as many as the process has set.
///
/// Sums are exact to the rounding of one chunk of at most ``KernelLimits/elementsPerSum`` elements in `Scalar`: chunks are
/// added in `Double`, so that long ones do not drift.
package protocol LinearAlgebra<Scalar>: Sendable {
  /// The type of the elements.
  associatedtype Scalar: BinaryFloatingPoint, SIMDScalar

  /// sumsᵢ ← Σⱼ xᵢⱼ, or Σⱼ x²ᵢⱼ: `rows` sums over `columns` elements each.
  func rowSums(
    of terms: SummedTerms, _ x: UnsafePointer<Scalar>, rows: Int, columns: Int,
    into sums: UnsafeMutablePointer<Scalar>)

  /// sumsⱼ ← Σᵢ xᵢⱼ, or Σᵢ x²ᵢⱼ: `columns` sums over `rows` elements each.
  func columnSums(
    of terms: SummedTerms, _ x: UnsafePointer<Scalar>, rows: Int, columns: Int,
    into sums: UnsafeMutablePointer<Scalar>)

  /// Σ xᵢ.
  func sum(_ x: UnsafePointer<Scalar>, count: Int) -> Double

  /// Σ xᵢyᵢ; with `y` the same as `x`, the sum of squares.
  func dot(_ x: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>, count: Int) -> Double

  /// x ← αx. A factor of 0 keeps NaN and infinity from vanishing: 0 · NaN is NaN on both paths.
  func scale(_ x: UnsafeMutablePointer<Scalar>, count: Int, by factor: Scalar)

  /// y ← y + αx. A factor of 0 propagates NaN as any other.
  func axpy(
    _ factor: Scalar, _ x: UnsafePointer<Scalar>, count: Int, onto y: UnsafeMutablePointer<Scalar>)

  /// y ← βy + wx.
  func movingAverage(
    _ y: UnsafeMutablePointer<Scalar>, count: Int, decay: Scalar, weight: Scalar, of x: UnsafePointer<Scalar>)

  /// C ← α op(A) op(B) + βC; where β is 0, C is written and never read.
  func matrixProduct(
    _ shape: ProductShape, alpha: Scalar, _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>,
    beta: Scalar, into c: UnsafeMutablePointer<Scalar>)
}

/// What a reduction adds up.
package enum SummedTerms: Sendable {
  /// x.
  case elements
  /// x².
  case squares
}

/// The sizes of C = op(A) op(B), and which factors are stored transposed.
package struct ProductShape: Sendable {
  /// Rows of C and of op(A).
  package var rows: Int
  /// Columns of C and of op(B).
  package var columns: Int
  /// Columns of op(A), rows of op(B).
  package var inner: Int
  /// Whether A is stored as `inner` × `rows`.
  package var transposesA: Bool
  /// Whether B is stored as `columns` × `inner`.
  package var transposesB: Bool

  /// C is `rows` × `columns`, the sum runs over `inner` terms.
  package init(
    rows: Int, columns: Int, inner: Int, transposesA: Bool = false, transposesB: Bool = false
  ) {
    self.rows = rows
    self.columns = columns
    self.inner = inner
    self.transposesA = transposesA
    self.transposesB = transposesB
  }
}
