/// The kernels of `Tensor`'s operations on one scalar type, on contiguous memory: reductions, vector updates,
/// matrix products and operations on single elements.
///
/// Matrices are row-major. Nothing is assumed about alignment, and every size may be 0. Each kernel runs on
/// the calling thread and gives the same bits for the same input. Only OpenBLAS's matrix product may use
/// OpenBLAS's threads, with the process-wide number.
///
/// Sums are as accurate as the sum of one chunk of at most ``KernelLimits/elementsPerSum`` elements in
/// `Scalar`. Chunks are added in `Double`, so that long sums do not drift.
package struct LinearAlgebraKernels<Scalar: ArithmeticScalar>: Sendable {
  /// Elements to read.
  package typealias Input = UnsafePointer<Scalar>
  /// Elements to write. An output may be one of the inputs only in operations on single elements.
  package typealias Output = UnsafeMutablePointer<Scalar>

  // MARK: Reductions

  /// outᵢ ← Σⱼ xᵢⱼ, or Σⱼ x²ᵢⱼ: `rows` sums over `columns` elements each.
  package var rowSums: @Sendable (SummedTerms, Input, _ rows: Int, _ columns: Int, Output) -> Void
  /// outⱼ ← Σᵢ xᵢⱼ, or Σᵢ x²ᵢⱼ: `columns` sums over `rows` elements each.
  package var columnSums: @Sendable (SummedTerms, Input, _ rows: Int, _ columns: Int, Output) -> Void
  /// Returns Σ xᵢ.
  package var sum: @Sendable (Input, _ count: Int) -> Double
  /// Returns Σ xᵢyᵢ, which is the sum of squares if y is x.
  package var dot: @Sendable (Input, Input, _ count: Int) -> Double

  // MARK: Updates

  /// x ← αx. A factor of 0 keeps NaN and infinity visible: 0 · NaN is NaN on every backend.
  package var scale: @Sendable (Output, _ count: Int, _ factor: Scalar) -> Void
  /// y ← y + αx. A factor of 0 propagates NaN like any other factor.
  package var axpy: @Sendable (_ factor: Scalar, Input, _ count: Int, Output) -> Void
  /// y ← βy + wx.
  package var movingAverage:
    @Sendable (Output, _ count: Int, _ decay: Scalar, _ weight: Scalar, Input) -> Void
  /// C ← α op(A) op(B) + βC; if β is 0, C is written and never read.
  package var matmul:
    @Sendable (ProductShape, _ alpha: Scalar, _ a: Input, _ b: Input, _ beta: Scalar, _ c: Output) -> Void

  /// C ← α op(A) op(A)ᵀ + βC, exactly symmetric: both triangles are written. Only the elements of C on and
  /// below the diagonal are read, and none if β is 0. The shape is made by
  /// ``ProductShape/init(symmetric:inner:transposed:)``.
  package var symmetricProduct:
    @Sendable (ProductShape, _ alpha: Scalar, _ a: Input, _ beta: Scalar, _ c: Output) -> Void
  /// Rotates pairs of rows of a matrix of `rows` × `columns`, one rotation after the other. Use it for many
  /// rotations at once: all rows are copied into the cache and back, a few columns at a time.
  package var rotateRows:
    @Sendable (Output, _ rows: Int, _ columns: Int, UnsafeBufferPointer<PlaneRotation<Scalar>>) -> Void

  // MARK: Single elements: the same on every backend, because BLAS has no such operations

  /// outᵢ ← xᵢ ∘ yᵢ.
  package var combine: @Sendable (ElementwiseOperation, Input, Input, _ count: Int, Output) -> Void
  /// outᵢ ← xᵢ ∘ y.
  package var combineWithScalar: @Sendable (ElementwiseOperation, Input, Scalar, _ count: Int, Output) -> Void
  /// outᵢ ← x ∘ yᵢ.
  package var combineScalarWith: @Sendable (ElementwiseOperation, Scalar, Input, _ count: Int, Output) -> Void
  /// outᵢ ← f(xᵢ).
  package var apply: @Sendable (ElementwiseFunction, Input, _ count: Int, Output) -> Void
  /// outᵢ ← xᵢ if yᵢ is positive or NaN, 0 otherwise: the gradient of ``ElementwiseFunction/relu`` at y, times x.
  package var mask: @Sendable (Input, _ positive: Input, _ count: Int, Output) -> Void
  /// outᵢⱼ ← xᵢⱼ − log Σₖ exp xᵢₖ, without overflow.
  package var logSoftmax: @Sendable (Input, _ rows: Int, _ columns: Int, Output) -> Void

  /// Creates a table of these entries, in the order of their declarations.
  package init(
    rowSums: @escaping @Sendable (SummedTerms, Input, Int, Int, Output) -> Void,
    columnSums: @escaping @Sendable (SummedTerms, Input, Int, Int, Output) -> Void,
    sum: @escaping @Sendable (Input, Int) -> Double, dot: @escaping @Sendable (Input, Input, Int) -> Double,
    scale: @escaping @Sendable (Output, Int, Scalar) -> Void,
    axpy: @escaping @Sendable (Scalar, Input, Int, Output) -> Void,
    movingAverage: @escaping @Sendable (Output, Int, Scalar, Scalar, Input) -> Void,
    matmul: @escaping @Sendable (ProductShape, Scalar, Input, Input, Scalar, Output) -> Void,
    symmetricProduct: @escaping @Sendable (ProductShape, Scalar, Input, Scalar, Output) -> Void,
    rotateRows: @escaping @Sendable (Output, Int, Int, UnsafeBufferPointer<PlaneRotation<Scalar>>) -> Void,
    combine: @escaping @Sendable (ElementwiseOperation, Input, Input, Int, Output) -> Void,
    combineWithScalar: @escaping @Sendable (ElementwiseOperation, Input, Scalar, Int, Output) -> Void,
    combineScalarWith: @escaping @Sendable (ElementwiseOperation, Scalar, Input, Int, Output) -> Void,
    apply: @escaping @Sendable (ElementwiseFunction, Input, Int, Output) -> Void,
    mask: @escaping @Sendable (Input, Input, Int, Output) -> Void,
    logSoftmax: @escaping @Sendable (Input, Int, Int, Output) -> Void
  ) {
    self.rowSums = rowSums
    self.columnSums = columnSums
    self.sum = sum
    self.dot = dot
    self.scale = scale
    self.axpy = axpy
    self.movingAverage = movingAverage
    self.matmul = matmul
    self.symmetricProduct = symmetricProduct
    self.rotateRows = rotateRows
    self.combine = combine
    self.combineWithScalar = combineWithScalar
    self.combineScalarWith = combineScalarWith
    self.apply = apply
    self.mask = mask
    self.logSoftmax = logSoftmax
  }
}

/// The terms of a reduction.
package enum SummedTerms: Sendable {
  /// x.
  case elements
  /// x².
  case squares
}

/// The sizes of C = op(A) op(B), and whether A and B are stored transposed.
package struct ProductShape: Sendable {
  /// The number of rows of C and of op(A).
  package var rows: Int
  /// The number of columns of C and of op(B).
  package var columns: Int
  /// The number of columns of op(A) and of rows of op(B).
  package var inner: Int
  /// Whether A is stored as `inner` × `rows`.
  package var transposesA: Bool
  /// Whether B is stored as `columns` × `inner`.
  package var transposesB: Bool
  /// The number of elements from one stored row of A to the next.
  package var strideA: Int
  /// The number of elements from one stored row of B to the next.
  package var strideB: Int
  /// The number of elements from one row of C to the next.
  package var strideC: Int

  /// Creates the shape of a product: C is `rows` × `columns`, and each sum has `inner` terms. Rows are
  /// contiguous unless strides are given.
  package init(
    rows: Int, columns: Int, inner: Int, transposesA: Bool = false, transposesB: Bool = false,
    strideA: Int? = nil, strideB: Int? = nil, strideC: Int? = nil
  ) {
    self.rows = rows
    self.columns = columns
    self.inner = inner
    self.transposesA = transposesA
    self.transposesB = transposesB
    self.strideA = strideA ?? (transposesA ? rows : inner)
    self.strideB = strideB ?? (transposesB ? inner : columns)
    self.strideC = strideC ?? columns
  }

  /// Creates the shape of the product of op(A), which is `size` × `inner`, and its transpose.
  package init(symmetric size: Int, inner: Int, transposed: Bool = false) {
    self.init(
      rows: size, columns: size, inner: inner, transposesA: transposed, transposesB: !transposed)
  }
}

/// A rotation of two rows x and y: x ← c x + s y, y ← c y − s x.
package struct PlaneRotation<Scalar: BinaryFloatingPoint & Sendable>: Sendable {
  /// The index of the row x.
  @usableFromInline package var first: Int
  /// The index of the row y.
  @usableFromInline package var second: Int
  /// c.
  @usableFromInline package var cosine: Scalar
  /// s.
  @usableFromInline package var sine: Scalar

  /// Creates a rotation of rows `first` and `second`.
  @inlinable @inline(__always)
  package init(first: Int, second: Int, cosine: Scalar, sine: Scalar) {
    self.first = first
    self.second = second
    self.cosine = cosine
    self.sine = sine
  }
}

/// A function of two elements.
package enum ElementwiseOperation: Sendable {
  /// x + y.
  case add
  /// x − y.
  case subtract
  /// xy.
  case multiply
  /// x / y.
  case divide
}

/// A function of one element.
package enum ElementwiseFunction: Sendable {
  /// x if it is positive, 0 otherwise; NaN stays NaN.
  case relu
  /// eˣ.
  case exp
  /// 1 for positive x, −1 for negative x, x itself for 0 and NaN.
  case sign
  /// |x|.
  case magnitude
  /// √x; NaN for negative x.
  case squareRoot
}
