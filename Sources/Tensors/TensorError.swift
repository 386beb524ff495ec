/// An error in data that a tensor is made from or compared with.
public enum TensorError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Dimensions that include a negative one, or that have more elements than `Int` can count.
  case dimensions([Int])
  /// The number of elements does not match the shape.
  case elementCount(Int, shape: Shape)
  /// A tensor has another shape than expected.
  case shape(Shape, expected: Shape)
  /// A tensor has another scalar type than expected.
  case scalarType(ScalarType, expected: ScalarType)

  /// A message with the problem, the values and the remedy.
  public var description: String {
    switch self {
    case .dimensions(let dimensions):
      "The dimensions \(dimensions) are not valid for a shape: none may be negative, and their product must "
        + "be at most \(Int.max)."
    case .elementCount(let count, let shape):
      "\(count) elements do not fill the shape \(shape): it holds \(shape.elementCount)."
    case .shape(let shape, let expected):
      "The tensor has the shape \(shape), but \(expected) is needed: reshape it, or check its source."
    case .scalarType(let type, let expected):
      "The tensor holds \(type.rawValue), but \(expected.rawValue) is needed: use converted(to: "
        + ".\(expected.rawValue))."
    }
  }
}
