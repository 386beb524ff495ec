import KernelInterface

// The second operand is a tensor of the same shape, a vector that is used for every row (a bias), or a
// number.

extension Tensor {
  // MARK: Tensors with tensors

  /// Returns x + y, elementwise. If y is a vector with one element per column of x, it is added to every row.
  public static func + (x: Tensor, y: Tensor) -> Tensor { x.combined(.add, y) }

  /// Returns x − y, elementwise. If y is a vector with one element per column of x, it is subtracted from
  /// every row.
  public static func - (x: Tensor, y: Tensor) -> Tensor { x.combined(.subtract, y) }

  /// Returns xy, elementwise. If y is a vector with one element per column of x, it multiplies every row.
  public static func * (x: Tensor, y: Tensor) -> Tensor { x.combined(.multiply, y) }

  /// Returns x / y, elementwise. If y is a vector with one element per column of x, it divides every row.
  public static func / (x: Tensor, y: Tensor) -> Tensor { x.combined(.divide, y) }

  /// x ← x + y in place, like `+`.
  public static func += (x: inout Tensor, y: Tensor) { x.combine(.add, y) }

  /// x ← x − y in place, like `-`.
  public static func -= (x: inout Tensor, y: Tensor) { x.combine(.subtract, y) }

  /// x ← xy in place, like `*`.
  public static func *= (x: inout Tensor, y: Tensor) { x.combine(.multiply, y) }

  /// x ← x / y in place, like `/`.
  public static func /= (x: inout Tensor, y: Tensor) { x.combine(.divide, y) }

  /// Returns −x.
  public static prefix func - (x: Tensor) -> Tensor { x * -1 }

  // MARK: Tensors with numbers

  /// Returns x + y for every element x. The number is rounded to the type that the tensor is computed in.
  public static func + (x: Tensor, y: Double) -> Tensor { x.mapped { $0.combine(.add, scalar: y) } }

  /// Returns x − y for every element x.
  public static func - (x: Tensor, y: Double) -> Tensor { x.mapped { $0.combine(.subtract, scalar: y) } }

  /// Returns xy for every element x.
  public static func * (x: Tensor, y: Double) -> Tensor { x.mapped { $0 *= y } }

  /// Returns x / y for every element x.
  public static func / (x: Tensor, y: Double) -> Tensor { x.mapped { $0.combine(.divide, scalar: y) } }

  /// Returns x + y for every element y.
  public static func + (x: Double, y: Tensor) -> Tensor { y + x }

  /// Returns x − y for every element y.
  public static func - (x: Double, y: Tensor) -> Tensor {
    y.mapped { $0.combine(.subtract, scalarOnTheLeft: x) }
  }

  /// Returns xy for every element y.
  public static func * (x: Double, y: Tensor) -> Tensor { y * x }

  /// Returns x / y for every element y.
  public static func / (x: Double, y: Tensor) -> Tensor {
    y.mapped { $0.combine(.divide, scalarOnTheLeft: x) }
  }

  /// x ← x + y for every element x, in place.
  public static func += (x: inout Tensor, y: Double) { x.combine(.add, scalar: y) }

  /// x ← x − y for every element x, in place.
  public static func -= (x: inout Tensor, y: Double) { x.combine(.subtract, scalar: y) }

  /// x ← xy for every element x, in place.
  public static func *= (x: inout Tensor, y: Double) {
    let count = x.elementCount
    func scale<Scalar: ArithmeticScalar>(_ type: Scalar.Type) {
      x.update(type) { type.linearAlgebra.scale($0, count, Scalar(y)) }
    }
    scale(x.scalarType.arithmeticSwiftType)
  }

  /// x ← x / y for every element x, in place.
  public static func /= (x: inout Tensor, y: Double) { x.combine(.divide, scalar: y) }

  // MARK: Updates

  /// x ← x + αy: `axpy`.
  ///
  /// - Precondition: Both tensors have the same shape and scalar type.
  public mutating func add(_ other: Tensor, scaledBy factor: Double) {
    requireSameShape(as: other)
    func add<Scalar: ArithmeticScalar>(_ type: Scalar.Type) {
      update(type, with: other) { x, y in
        type.linearAlgebra.axpy(Scalar(factor), y, other.elementCount, x)
      }
    }
    add(scalarType.arithmeticSwiftType)
  }

  /// x ← βx + (1−β)y.
  ///
  /// 1−β is computed in Double and then rounded: `1 − Float(β)` has a relative error of 3e-5 for β = 0.9997.
  ///
  /// - Precondition: Both tensors have the same shape and scalar type.
  public mutating func formMovingAverage(of other: Tensor, decay: Double) {
    requireSameShape(as: other)
    func average<Scalar: ArithmeticScalar>(_ type: Scalar.Type) {
      update(type, with: other) { x, y in
        type.linearAlgebra.movingAverage(x, other.elementCount, Scalar(decay), Scalar(1 - decay), y)
      }
    }
    average(scalarType.arithmeticSwiftType)
  }
}
