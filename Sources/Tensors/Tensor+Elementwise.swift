import KernelInterface

extension Tensor {
  // MARK: Functions

  /// Returns max(x, 0) for every element; NaN stays NaN.
  public func relu() -> Tensor { applying(.relu) }

  /// Returns the gradient of ``relu()`` at `input` times this gradient: x if the input is positive, 0
  /// otherwise.
  ///
  /// - Precondition: Both tensors have the same shape and scalar type.
  public func reluBackward(at input: Tensor) -> Tensor {
    requireSameShape(as: input)
    func mask<Scalar: ArithmeticScalar>(_ type: Scalar.Type) -> Tensor {
      computing(type, with: input, shape: shape) { x, y, out in
        type.linearAlgebra.mask(x, y, elementCount, out)
      }
    }
    return mask(scalarType.arithmeticSwiftType)
  }

  /// Returns eˣ for every element.
  public func exp() -> Tensor { applying(.exp) }

  /// Returns the sign of every element: 1 if it is positive, −1 if it is negative, 0 if it is 0. NaN stays
  /// NaN.
  ///
  /// A zero keeps its sign bit.
  public func sign() -> Tensor { applying(.sign) }

  /// Returns |x| for every element; NaN stays NaN.
  public func magnitude() -> Tensor { applying(.magnitude) }

  /// Returns √x for every element; NaN for negative elements.
  public func squareRoot() -> Tensor { applying(.squareRoot) }

  private func applying(_ function: ElementwiseFunction) -> Tensor {
    func apply<Scalar: ArithmeticScalar>(_ type: Scalar.Type) -> Tensor {
      computing(type, shape: shape) { x, out in type.linearAlgebra.apply(function, x, elementCount, out) }
    }
    return apply(scalarType.arithmeticSwiftType).converted(to: scalarType)
  }

  /// Returns xᵢⱼ − log Σₖ exp xᵢₖ, over the last axis, without overflow.
  public func logSoftmax() -> Tensor {
    func apply<Scalar: ArithmeticScalar>(_ type: Scalar.Type) -> Tensor {
      computing(type, shape: shape) { x, out in
        type.linearAlgebra.logSoftmax(x, rowCount, shape.columns, out)
      }
    }
    return apply(scalarType.arithmeticSwiftType).converted(to: scalarType)
  }

  // MARK: Building blocks of the operators

  /// Returns a copy that `body` has changed.
  func mapped(_ body: (inout Tensor) -> Void) -> Tensor {
    var result = self
    body(&result)
    return result
  }

  /// Returns x ∘ y, for y of the same shape or a vector for every row.
  func combined(_ operation: ElementwiseOperation, _ other: Tensor) -> Tensor {
    let (rows, count) = (rows(for: other), other.elementCount)
    func combine<Scalar: ArithmeticScalar>(_ type: Scalar.Type) -> Tensor {
      let kernels = type.linearAlgebra
      return computing(type, with: other, shape: shape) { x, y, out in
        for row in 0..<rows { kernels.combine(operation, x + row * count, y, count, out + row * count) }
      }
    }
    return combine(scalarType.arithmeticSwiftType)
  }

  /// x ← x ∘ y, for y of the same shape or a vector for every row.
  mutating func combine(_ operation: ElementwiseOperation, _ other: Tensor) {
    let (rows, count) = (rows(for: other), other.elementCount)
    func combine<Scalar: ArithmeticScalar>(_ type: Scalar.Type) {
      let kernels = type.linearAlgebra
      update(type, with: other) { x, y in
        for row in 0..<rows { kernels.combine(operation, x + row * count, y, count, x + row * count) }
      }
    }
    combine(scalarType.arithmeticSwiftType)
  }

  /// x ← x ∘ y, for a number y.
  mutating func combine(_ operation: ElementwiseOperation, scalar y: Double) {
    let count = elementCount
    func combine<Scalar: ArithmeticScalar>(_ type: Scalar.Type) {
      update(type) { x in type.linearAlgebra.combineWithScalar(operation, x, Scalar(y), count, x) }
    }
    combine(scalarType.arithmeticSwiftType)
  }

  /// x ← y ∘ x, for a number y.
  mutating func combine(_ operation: ElementwiseOperation, scalarOnTheLeft y: Double) {
    let count = elementCount
    func combine<Scalar: ArithmeticScalar>(_ type: Scalar.Type) {
      update(type) { x in type.linearAlgebra.combineScalarWith(operation, Scalar(y), x, count, x) }
    }
    combine(scalarType.arithmeticSwiftType)
  }

  /// The number of rows of all trailing matrices.
  private var rowCount: Int { shape.rank == 0 ? 1 : shape.dimensions.dropLast().reduce(1, *) }

  /// Returns how often `other` is used: once for the same shape, or once per row for a vector with one
  /// element per column.
  private func rows(for other: Tensor) -> Int {
    if shape == other.shape { return 1 }
    guard other.shape.rank == 1 && shape.rank > 1 && other.shape[0] == shape.columns else {
      fatalError(
        "Operands have the shapes \(shape) and \(other.shape), which must be equal, or the second must be a "
          + "vector of one row."
      )
    }
    return rowCount
  }
}
