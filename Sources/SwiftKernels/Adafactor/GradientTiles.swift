import Kernels

/// Tiles of a gradient in contiguous memory: what a BLAS path multiplies.
enum GradientTiles<G: StoredScalar, A: Arithmetic> {
  /// tile ← (scale G)², row after row without gaps.
  static func squares(_ gradient: GradientPiece, into tile: MutableElements) {
    let scale = SIMD8<A>(repeating: A(gradient.scale))
    forEachRow(gradient, tile) { source, target in
      @inline(__always) func square(_ column: Int, _ valid: Int) {
        let g = scale * G.load(source, column, valid, as: A.self)
        _ = A.store(g * g, target, column, valid)
      }
      forEachVector(gradient.columns, square)
    }
  }

  /// tile ← factorⱼ (scale gᵢⱼ), row after row without gaps.
  static func scaled(_ gradient: GradientPiece, columnFactors: Elements, into tile: MutableElements) {
    let scale = SIMD8<A>(repeating: A(gradient.scale))
    let columnFactors = UnsafeRawPointer(columnFactors.of(A.self))
    forEachRow(gradient, tile) { source, target in
      @inline(__always) func multiply(_ column: Int, _ valid: Int) {
        let g = scale * G.load(source, column, valid, as: A.self)
        _ = A.store(A.load(columnFactors, column, valid, as: A.self) * g, target, column, valid)
      }
      forEachVector(gradient.columns, multiply)
    }
  }

  @inline(__always)
  private static func forEachRow(
    _ gradient: GradientPiece, _ tile: MutableElements,
    _ body: (UnsafeRawPointer, UnsafeMutableRawPointer) -> Void
  ) {
    let target = UnsafeMutableRawPointer(tile.of(A.self))
    for row in 0..<gradient.rows {
      body(
        gradient.elements.address + row &* gradient.stride &* MemoryLayout<G>.stride,
        target + row &* gradient.columns &* MemoryLayout<A>.stride)
    }
  }
}
