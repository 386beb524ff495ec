/// What data can do wrong when a tensor is made of them or expected to fit.
public enum TensorError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Dimensions with a negative one among them, or more elements than `Int` counts.
  case dimensions([Int])
  /// A list of elements that does not fill its shape.
  case elementCount(Int, shape: Shape)
  /// A tensor of another shape than was asked for.
  case shape(Shape, expected: Shape)
  /// A tensor of another scalar type than was asked for.
  case scalarType(ScalarType, expected: ScalarType)

  /// What is wrong, with the values, and what would be right.
  public var description: String {
    switch self {
    case .dimensions(let dimensions):
      "The dimensions \(dimensions) make no shape: none may be negative, and their product must be at most \(Int.max)."
    case .elementCount(let count, let shape):
      "\(count) elements do not fill the shape \(shape): it holds \(shape.elementCount)."
    case .shape(let shape, let expected):
      "The tensor has the shape \(shape), but \(expected) is needed: reshape it, or check where it comes from."
    case .scalarType(let type, let expected):
      "The tensor holds \(type.rawValue), but \(expected.rawValue) is needed: use converted(to: .\(expected.rawValue))."
    }
  }
}
