extension Tensor: CustomStringConvertible, CustomDebugStringConvertible {
  /// Shape, scalar type and elements: all elements of a small tensor, the corners of a large one.
  ///
  ///     Tensor [2, 3] float32
  ///     [[1.0, 2.0, 3.0],
  ///      [4.0, 5.0, 6.0]]
  public var description: String {
    // With more than a thousand elements, three are shown at each end of an axis, as in NumPy.
    let edge = elementCount > 1000 ? 3 : Int.max
    let texts = places(edge: edge).map { "\(scalarType.swiftType.init(element(at: $0)))" }
    let width = texts.map(\.count).max() ?? 0
    var remaining = texts.makeIterator()
    var result = "Tensor \(shape) \(scalarType.rawValue)\n"
    func append(axis: Int) {
      if axis == shape.rank {
        if let text = remaining.next() { result += String(repeating: " ", count: width - text.count) + text }
        return
      }
      result += "["
      let separator =
        axis == shape.rank - 1
        ? ", "
        : "," + String(repeating: "\n", count: shape.rank - 1 - axis)
          + String(repeating: " ", count: axis + 1)
      for (i, index) in shown(axis: axis, edge: edge).enumerated() {
        if i > 0 { result += separator }
        if index == nil { result += "…" } else { append(axis: axis + 1) }
      }
      result += "]"
    }
    append(axis: 0)
    return result
  }

  /// The same as ``description``.
  public var debugDescription: String { description }

  /// Returns the indices along an axis that are shown, with `nil` for omitted ones.
  private func shown(axis: Int, edge: Int) -> [Int?] {
    let count = shape[axis]
    if edge == .max || count <= 2 * edge { return (0..<count).map { $0 } }
    return (0..<edge).map { $0 } + [nil] + ((count - edge)..<count).map { $0 }
  }

  /// Returns the offsets of the shown elements, in order.
  private func places(edge: Int) -> [Int] {
    if elementCount == 0 { return [] }
    return (0..<shape.rank).reduce([0]) { places, axis in
      let indices = shown(axis: axis, edge: edge).compactMap { $0 }
      return places.flatMap { place in indices.map { place * shape[axis] + $0 } }
    }
  }
}
