import KernelInterface

extension Tensor {
  /// Returns the product op(A) op(B) of two matrices. Each op transposes if its argument is true, without a
  /// transposed copy.
  ///
  /// The products of a layer y = x Wᵀ and of its backward pass are
  ///
  ///     let y = x.matmul(w, otherTransposed: true)
  ///     let wGradient = yGradient.matmul(x, transposed: true)
  ///     let xGradient = yGradient.matmul(w)
  ///
  /// On OpenBLAS, the number of threads is OpenBLAS's process-wide setting, which this package never changes.
  /// The environment variable OPENBLAS_NUM_THREADS sets it.
  ///
  /// - Precondition: Both have two axes and the same scalar type, and the inner sizes agree.
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
        The inner sizes \(inner) and \(otherInner) differ: \(shape)\(transposed ? " transposed" : "") times \
        \(other.shape)\(otherTransposed ? " transposed" : "").
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

  /// Overwrites this matrix with the product A B of two matrices, in its own memory if nothing else uses it.
  ///
  /// - Precondition: The sizes agree, and all three have the same scalar type, Float32 or Float64.
  package mutating func formProduct(of a: Tensor, _ b: Tensor) {
    let product = ProductShape(rows: a.shape[0], columns: b.shape[1], inner: a.shape[1])
    guard a.shape.rank == 2, b.shape == [product.inner, product.columns],
      shape == [product.rows, product.columns], scalarType == scalarType.arithmeticType
    else {
      fatalError(
        "The product of \(a.shape) and \(b.shape) does not have the shape \(shape), or the type is "
          + "not Float32 or Float64.")
    }
    func multiply<Scalar: ArithmeticScalar>(_ type: Scalar.Type) {
      a.withElements(of: type) { a in
        update(type, with: b) { c, b in type.linearAlgebra.matmul(product, 1, a.baseAddress!, b, 0, c) }
      }
    }
    multiply(scalarType.arithmeticSwiftType)
  }

  /// Returns the symmetric product A Aᵀ of a matrix, or Aᵀ A, with half of the multiplications of
  /// ``matmul(_:transposed:otherTransposed:)``.
  ///
  /// The result is exactly symmetric. On OpenBLAS, it is computed by `syrk`, with OpenBLAS's process-wide
  /// number of threads.
  ///
  /// - Parameter transposed: Whether the product is Aᵀ A.
  /// - Precondition: The tensor has two axes.
  public func symmetricProduct(transposed: Bool = false) -> Tensor {
    let (rows, columns) = requireMatrix(#function)
    let size = transposed ? columns : rows
    // β is 0, so the uninitialized elements are never read.
    var result = Tensor(uninitialized: [size, size], as: scalarType)
    result.addSymmetricProduct(of: self, transposed: transposed, alpha: 1, beta: 0)
    return result
  }

  /// Adds a symmetric product to a symmetric matrix in place: C ← α A Aᵀ + β C, or α Aᵀ A + β C.
  ///
  /// Only the elements of C on and below the diagonal are read, and none if β is 0. The result is exactly
  /// symmetric.
  ///
  /// - Parameters:
  ///   - other: A, with two axes and the scalar type of this tensor.
  ///   - transposed: Whether the product is Aᵀ A.
  ///   - alpha: α.
  ///   - beta: β.
  /// - Precondition: The sizes agree.
  public mutating func addSymmetricProduct(
    of other: Tensor, transposed: Bool = false, alpha: Double = 1, beta: Double = 1
  ) {
    let (rows, columns) = other.requireMatrix(#function)
    let (size, inner) = transposed ? (columns, rows) : (rows, columns)
    guard shape == [size, size] else {
      fatalError(
        """
        The symmetric product of \(other.shape)\(transposed ? " transposed" : "") is \
        \([size, size] as Shape); this tensor has the shape \(shape).
        """)
    }
    let product = ProductShape(symmetric: size, inner: inner, transposed: transposed)
    func add<Scalar: ArithmeticScalar>(_ type: Scalar.Type) {
      update(type, with: other) { c, a in
        type.linearAlgebra.symmetricProduct(product, Scalar(alpha), a, Scalar(beta), c)
      }
    }
    add(scalarType.arithmeticSwiftType)
  }

  /// Returns Σ xᵢyᵢ over all elements of two tensors.
  ///
  /// - Precondition: Both tensors have the same shape and scalar type.
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
