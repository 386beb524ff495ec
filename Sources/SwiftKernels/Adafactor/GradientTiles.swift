import KernelInterface

/// Squares of a gradient in contiguous memory, for backends with a library that multiplies them.
enum GradientTiles<G: TensorScalar, A: ArithmeticScalar> {
  /// tile ← (scale G)², row after row without gaps.
  static func squares(_ gradient: GradientPiece, into tile: MutableElements) {
    let scale = SIMD8<A>(repeating: A(gradient.scale))
    let target = UnsafeMutableRawPointer(tile.of(A.self))
    for row in 0..<gradient.rows {
      let source = gradient.elements.address + row &* gradient.stride &* MemoryLayout<G>.stride
      @inline(__always) func square(_ column: Int, _ valid: Int) {
        prefetch(source + (column &* MemoryLayout<G>.stride &+ prefetchDistance))
        let g = scale * G.load(source, column, valid, as: A.self)
        _ = A.store(g * g, target, row &* gradient.columns &+ column, valid)
      }
      forEachVector(gradient.columns, square)
    }
  }
}
