/// The dimensions of a tensor, outermost first. Elements are in row-major order without gaps.
///
/// The last two axes are the rows and columns of the trailing matrices. A vector counts as one row, and a
/// scalar (no axes) as one row of one column.
public struct Shape: Hashable, Sendable, Codable, CustomStringConvertible, ExpressibleByArrayLiteral {
  /// The size of each axis.
  public let dimensions: [Int]

  /// The product of the dimensions, 1 for a scalar.
  public let elementCount: Int

  /// Creates the shape of these dimensions.
  /// - Precondition: No dimension is negative, and the number of elements fits in `Int`. If data determine
  ///   the dimensions, use ``init(validating:)``.
  public init(_ dimensions: [Int]) {
    do {
      try self.init(validating: dimensions)
    } catch {
      fatalError(error.description)
    }
  }

  /// Creates the shape of these dimensions, or throws if one is negative or their product does not fit in
  /// `Int`.
  public init(validating dimensions: [Int]) throws(TensorError) {
    // If a dimension is 0, the product is 0, even if the product of the others would overflow.
    var count = dimensions.contains(0) ? 0 : 1
    for dimension in dimensions {
      let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
      guard dimension >= 0, !overflow else { throw .dimensions(dimensions) }
      count = product
    }
    self.dimensions = dimensions
    elementCount = count
  }

  /// Creates the shape of these dimensions; `[]` is the shape of a scalar.
  public init(arrayLiteral dimensions: Int...) { self.init(dimensions) }

  /// Reads a list of dimensions.
  public init(from decoder: any Decoder) throws { try self.init(validating: [Int](from: decoder)) }

  /// Writes the list of dimensions.
  public func encode(to encoder: any Encoder) throws { try dimensions.encode(to: encoder) }

  /// The dimensions as a list: `[3, 4]`.
  public var description: String { dimensions.description }

  /// The number of axes: 0 for a scalar, 1 for a vector, 2 for a matrix.
  public var rank: Int { dimensions.count }

  /// The size of `axis`. Negative axes count from the end: −1 is the last.
  public subscript(axis: Int) -> Int { dimensions[axisFromEnd(axis) + rank] }

  /// Returns `axis` as a negative number, counted from the end.
  ///
  /// - Precondition: This shape has the axis.
  package func axisFromEnd(_ axis: Int) -> Int {
    guard (-rank..<rank).contains(axis) else {
      fatalError("Axis \(axis) of a shape with \(rank) axes: \(self).")
    }
    return axis < 0 ? axis : axis - rank
  }

  /// The number of rows of each trailing matrix: the second-last dimension, or 1 for vectors and scalars.
  public var rows: Int { rank < 2 ? 1 : dimensions[rank - 2] }

  /// The number of columns of each trailing matrix: the last dimension, or 1 for a scalar.
  public var columns: Int { dimensions.last ?? 1 }

  /// The number of trailing matrices: the product of all dimensions before the last two.
  public var batchCount: Int {
    // Not a quotient of elementCount, which is 0 if a dimension is 0. The product can exceed `Int` only if
    // another dimension is 0, and then no matrix has an element.
    dimensions.dropLast(2).reduce(1) { count, dimension in
      let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
      return overflow ? .max : product
    }
  }

  package func removing(axis: Int) -> Shape {
    var rest = dimensions
    rest.remove(at: axis < 0 ? axis + rank : axis)
    return Shape(rest)
  }
}
