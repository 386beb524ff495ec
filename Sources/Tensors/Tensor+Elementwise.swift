import KernelInterface

// MARK: Functions

extension Tensor {
  /// max(x, 0) for every element; NaN stays NaN.
  public func relu() -> Tensor { applying(.relu) }

  /// The gradient of ``relu()`` at `input`, times this one: x where the input is positive, 0 elsewhere.
  ///
  /// - Precondition: both have the same shape and scalar type.
  public func reluBackward(at input: Tensor) -> Tensor {
    requireSameType(as: input)
    requireSameShape(as: input)
    let (x, y) = (inArithmeticType, input.inArithmeticType)
    var result = Tensor(uninitialized: shape, as: x.scalarType)
    func mask<Scalar: ArithmeticScalar>(_ type: Scalar.Type) {
      x.withElements(of: type) { x in
        y.withElements(of: type) { y in
          result.withMutableElements(of: type) { out in
            type.linearAlgebra.mask(x.baseAddress!, y.baseAddress!, x.count, out.baseAddress!)
          }
        }
      }
    }
    mask(x.scalarType.arithmeticSwiftType)
    return result.converted(to: scalarType)
  }

  /// eˣ for every element.
  public func exp() -> Tensor { applying(.exp) }

  /// The sign of every element: 1 if it is positive, −1 if it is negative, 0 if it is 0. NaN stays NaN.
  ///
  /// A zero keeps its sign bit.
  public func sign() -> Tensor { applying(.sign) }

  /// |x| for every element; NaN stays NaN.
  public func magnitude() -> Tensor { applying(.magnitude) }

  /// √x for every element; NaN for negative elements.
  public func squareRoot() -> Tensor { applying(.squareRoot) }

  private func applying(_ function: ElementwiseFunction) -> Tensor {
    let x = inArithmeticType
    var result = Tensor(uninitialized: shape, as: x.scalarType)
    func apply<Scalar: ArithmeticScalar>(_ type: Scalar.Type) {
      x.withElements(of: type) { x in
        result.withMutableElements(of: type) { out in
          type.linearAlgebra.apply(function, x.baseAddress!, x.count, out.baseAddress!)
        }
      }
    }
    apply(x.scalarType.arithmeticSwiftType)
    return result.converted(to: scalarType)
  }

  /// xᵢⱼ − log Σₖ exp xᵢₖ, over the last axis, without overflow.
  public func logSoftmax() -> Tensor {
    let x = inArithmeticType
    var result = Tensor(uninitialized: shape, as: x.scalarType)
    func apply<Scalar: ArithmeticScalar>(_ type: Scalar.Type) {
      x.withElements(of: type) { x in
        result.withMutableElements(of: type) { out in
          type.linearAlgebra.logSoftmax(x.baseAddress!, rowCount, shape.columns, out.baseAddress!)
        }
      }
    }
    apply(x.scalarType.arithmeticSwiftType)
    return result.converted(to: scalarType)
  }
}

// MARK: What the operators are made of

extension Tensor {
  /// A copy that `body` has changed.
  func mapped(_ body: (inout Tensor) -> Void) -> Tensor {
    var result = self
    body(&result)
    return result
  }

  /// Runs `body` on these elements in the type that they are computed in, and rounds what it leaves into their own.
  mutating func updateInArithmeticType(_ body: (inout Tensor) -> Void) {
    if scalarType == scalarType.arithmeticType {
      body(&self)
    } else {
      var wide = inArithmeticType
      body(&wide)
      self = wide.converted(to: scalarType)
    }
  }

  /// All rows of all trailing matrices.
  var rowCount: Int { shape.rank == 0 ? 1 : shape.dimensions.dropLast().reduce(1, *) }

  func requireSameType(as other: Tensor) {
    precondition(
      scalarType == other.scalarType,
      "Operands hold \(scalarType.rawValue) and \(other.scalarType.rawValue): convert one with converted(to:)."
    )
  }

  func requireSameShape(as other: Tensor) {
    precondition(
      shape == other.shape, "Operands have the shapes \(shape) and \(other.shape), which must be equal.")
  }

  /// x ∘ y, with y of the same shape or a vector for every row.
  func combined(_ operation: ElementwiseOperation, _ other: Tensor) -> Tensor {
    requireSameType(as: other)
    let rows = rows(for: other)
    let (x, y) = (inArithmeticType, other.inArithmeticType)
    var result = Tensor(uninitialized: shape, as: x.scalarType)
    func combine<Scalar: ArithmeticScalar>(_ type: Scalar.Type) {
      let kernels = type.linearAlgebra
      x.withElements(of: type) { x in
        y.withElements(of: type) { y in
          result.withMutableElements(of: type) { out in
            for row in 0..<rows {
              let start = row * y.count
              kernels.combine(
                operation, x.baseAddress! + start, y.baseAddress!, y.count, out.baseAddress! + start)
            }
          }
        }
      }
    }
    combine(x.scalarType.arithmeticSwiftType)
    return result.converted(to: scalarType)
  }

  /// x ← x ∘ y, with y of the same shape or a vector for every row.
  mutating func combine(_ operation: ElementwiseOperation, _ other: Tensor) {
    requireSameType(as: other)
    let rows = rows(for: other)
    let y = other.inArithmeticType
    updateInArithmeticType { x in
      func combine<Scalar: ArithmeticScalar>(_ type: Scalar.Type) {
        let kernels = type.linearAlgebra
        y.withElements(of: type) { y in
          x.withMutableElements(of: type) { x in
            for row in 0..<rows {
              let start = x.baseAddress! + row * y.count
              kernels.combine(operation, start, y.baseAddress!, y.count, start)
            }
          }
        }
      }
      combine(x.scalarType.arithmeticSwiftType)
    }
  }

  /// x ← x ∘ y, for a number y.
  mutating func combine(_ operation: ElementwiseOperation, scalar y: Double) {
    updateInArithmeticType { x in
      func combine<Scalar: ArithmeticScalar>(_ type: Scalar.Type) {
        x.withMutableElements(of: type) { x in
          type.linearAlgebra.combineWithScalar(
            operation, x.baseAddress!, Scalar(y), x.count, x.baseAddress!)
        }
      }
      combine(x.scalarType.arithmeticSwiftType)
    }
  }

  /// x ← y ∘ x, for a number y.
  mutating func combine(_ operation: ElementwiseOperation, scalarOnTheLeft y: Double) {
    updateInArithmeticType { x in
      func combine<Scalar: ArithmeticScalar>(_ type: Scalar.Type) {
        x.withMutableElements(of: type) { x in
          type.linearAlgebra.combineScalarWith(
            operation, Scalar(y), x.baseAddress!, x.count, x.baseAddress!)
        }
      }
      combine(x.scalarType.arithmeticSwiftType)
    }
  }

  /// How often `other` is used: once for the same shape, once a row for a vector as long as there are columns.
  private func rows(for other: Tensor) -> Int {
    if shape == other.shape { return 1 }
    precondition(
      other.shape.rank == 1 && shape.rank > 1 && other.shape[0] == shape.columns,
      "Operands have the shapes \(shape) and \(other.shape): they must be equal, or the second a vector of one row."
    )
    return rowCount
  }
}
