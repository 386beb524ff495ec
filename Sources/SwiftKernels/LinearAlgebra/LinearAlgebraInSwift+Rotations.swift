import KernelInterface

extension LinearAlgebraInSwift {
  /// The number of columns that are rotated at once. With 2,048 rows, they take 256 KB of the second-level
  /// cache in `Float`. In place, the rows of such a matrix would compete for a few cache lines.
  private static var columnsAtOnce: Int { 32 }

  static func rotateRows(
    _ matrix: UnsafeMutablePointer<Scalar>, rows: Int, columns: Int,
    by rotations: UnsafeBufferPointer<PlaneRotation<Scalar>>
  ) {
    guard rows > 0, columns > 0, !rotations.isEmpty else { return }
    let width = columnsAtOnce
    let panel = UnsafeMutablePointer<Scalar>.allocate(capacity: rows * width)
    defer { panel.deallocate() }
    panel.initialize(repeating: 0, count: rows * width)
    for column in stride(from: 0, to: columns, by: width) {
      let filled = min(width, columns - column)
      for row in 0..<rows {
        (panel + row * width).update(from: matrix + (row * columns + column), count: filled)
      }
      for index in 0..<rotations.count {
        let rotation = rotations[index]
        let (c, s) = (rotation.cosine, rotation.sine)
        let (x, y) = (panel + rotation.first * width, panel + rotation.second * width)
        var lane = 0
        while lane < width {
          let (left, right) = (x.eight(at: lane), y.eight(at: lane))
          x.store(c * left + s * right, at: lane)
          y.store(c * right - s * left, at: lane)
          lane += 8
        }
      }
      for row in 0..<rows {
        (matrix + (row * columns + column)).update(from: panel + row * width, count: filled)
      }
    }
  }
}
