/// Operations on one element at a time, and on rows of them: the same code on every kernel path, since BLAS has none.
///
/// `out` may be one of the inputs. Sizes may be 0, and nothing is assumed about alignment.
package protocol Elementwise<Scalar>: Sendable {
  /// The type of the elements.
  associatedtype Scalar: BinaryFloatingPoint, SIMDScalar

  /// outᵢ ← xᵢ ∘ yᵢ.
  func combine(
    _ operation: ElementwiseOperation, _ x: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>, count: Int,
    into out: UnsafeMutablePointer<Scalar>)

  /// outᵢ ← xᵢ ∘ y.
  func combine(
    _ operation: ElementwiseOperation, _ x: UnsafePointer<Scalar>, scalar y: Scalar, count: Int,
    into out: UnsafeMutablePointer<Scalar>)

  /// outᵢ ← x ∘ yᵢ.
  func combine(
    _ operation: ElementwiseOperation, scalar x: Scalar, _ y: UnsafePointer<Scalar>, count: Int,
    into out: UnsafeMutablePointer<Scalar>)

  /// outᵢ ← f(xᵢ).
  func apply(
    _ function: ElementwiseFunction, to x: UnsafePointer<Scalar>, count: Int,
    into out: UnsafeMutablePointer<Scalar>)

  /// outᵢ ← xᵢ where yᵢ is positive or NaN, 0 elsewhere: the gradient of ``ElementwiseFunction/relu`` at y, times x.
  func mask(
    _ x: UnsafePointer<Scalar>, wherePositive y: UnsafePointer<Scalar>, count: Int,
    into out: UnsafeMutablePointer<Scalar>)

  /// outᵢⱼ ← xᵢⱼ − log Σₖ exp xᵢₖ, without overflow.
  func logSoftmax(
    _ x: UnsafePointer<Scalar>, rows: Int, columns: Int, into out: UnsafeMutablePointer<Scalar>)
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
  /// x where it is positive, 0 elsewhere; NaN stays NaN.
  case relu
  /// eˣ.
  case exp
}
