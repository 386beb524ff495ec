import KernelInterface

extension Tensor {
  /// The product op(A) op(B) of two matrices. Each op transposes if its argument is true, without a transposed copy.
  ///
  /// The products of a layer y = x Wᵀ and of its backward pass are
  ///
  ///     let y = x.matmul(w, otherTransposed: true)
  ///     let wGradient = yGradient.matmul(x, transposed: true)
  ///     let xGradient = yGradient.matmul(w)
  ///
  /// On OpenBLAS it runs on as many threads as OpenBLAS's process-wide setting says, which this package never
  /// changes; the environment variable OPENBLAS_NUM_THREADS sets it.
  ///
  /// - Precondition: both have two axes and the same scalar type, and the inner sizes agree.
  public func matmul(_ other: Tensor, transposed: Bool = false, otherTransposed: Bool = false) -> Tensor {
    guard shape.rank == 2 && other.shape.rank == 2 else {
      fatalError("The matrix product needs two matrices; the shapes are \(shape) and \(other.shape).")
    }
    let (rows, inner) = transposed ? (shape[1], shape[0]) : (shape[0], shape[1])
    let (otherInner, columns) =
      otherTransposed ? (other.shape[1], other.shape[0]) : (other.shape[0], other.shape[1])
    guard inner == otherInner else {
      fatalError(
        """
        The inner sizes \(inner) and \(otherInner) differ: \
        \(shape)\(transposed ? " transposed" : "") times \(other.shape)\(otherTransposed ? " transposed" : "").
        """)
    }
    let product = ProductShape(
      rows: rows, columns: columns, inner: inner, transposesA: transposed, transposesB: otherTransposed)
    func multiply<Scalar: ArithmeticScalar>(_ type: Scalar.Type) -> Tensor {
      computing(type, with: other, shape: [rows, columns]) { a, b, c in
        type.linearAlgebra.matmul(product, 1, a, b, 0, c)
      }
    }
    return multiply(scalarType.arithmeticSwiftType)
  }

  /// Σ xᵢyᵢ over all elements of two tensors.
  ///
  /// - Precondition: both have the same shape and scalar type.
  public func dot(_ other: Tensor) -> Double {
    requireSameType(as: other)
    requireSameShape(as: other)
    func dot<Scalar: ArithmeticScalar>(_ type: Scalar.Type) -> Double {
      inArithmeticType.withElements(of: type) { x in
        other.inArithmeticType.withElements(of: type) { y in
          type.linearAlgebra.dot(x.baseAddress!, y.baseAddress!, x.count)
        }
      }
    }
    return dot(scalarType.arithmeticSwiftType)
  }
}
