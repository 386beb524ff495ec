extension Tensor: Equatable {
  /// Whether shapes, scalar types and all elements are equal: NaN equals nothing, and 0 equals −0.
  public static func == (left: Tensor, right: Tensor) -> Bool {
    guard left.shape == right.shape, left.scalarType == right.scalarType else { return false }
    let (x, y) = (left.inArithmeticType, right.inArithmeticType)
    return x.scalarType == .float64 ? x.equals(y, as: Double.self) : x.equals(y, as: Float.self)
  }

  private func equals<Scalar: TensorScalar>(_ other: Tensor, as type: Scalar.Type) -> Bool {
    withElements(of: type) { x in
      other.withElements(of: type) { y in x.elementsEqual(y) }
    }
  }
}
