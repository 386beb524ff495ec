#if OpenBLAS
  import KernelInterface

  /// A tile of squared gradients in the cache, which `gemv` sums by rows and by columns.
  struct SquaresTile<A: BLASScalar> {
    /// The left factor of Σ: squares, row after row without gaps.
    let squares: UnsafeMutablePointer<A>
    /// A vector of ones with the length of the tile's longest side.
    let ones: UnsafeMutablePointer<A>
    /// Memory for one sum or one factor per row or column.
    let sums: UnsafeMutablePointer<A>

    /// The maximum number of rows of a tile.
    static var height: Int { A.tileCapacity / A.tileSide }
    /// The maximum number of columns of a tile.
    static var width: Int { A.tileSide }

    /// Calls `body` for each tile of a piece, one row of tiles after the other, with its squares computed.
    @inline(__always)
    static func forEach(
      of gradient: GradientPiece, _ squares: (GradientPiece, MutableElements) -> Void,
      _ body: (_ tile: SquaresTile, _ rows: Range<Int>, _ columns: Range<Int>) -> Void
    ) {
      let side = max(height, width)
      withUnsafeTemporaryAllocation(of: A.self, capacity: A.tileCapacity + 2 * side) { memory in
        let tile = SquaresTile(
          squares: memory.baseAddress!, ones: memory.baseAddress! + A.tileCapacity,
          sums: memory.baseAddress! + A.tileCapacity + side)
        tile.ones.update(repeating: 1, count: side)
        for row in stride(from: 0, to: gradient.rows, by: height) {
          let rows = row..<min(row + height, gradient.rows)
          for column in stride(from: 0, to: gradient.columns, by: width) {
            let columns = column..<min(column + width, gradient.columns)
            var part = gradient
            part.elements = gradient.elements.advanced(by: row * gradient.stride + column)
            part.rows = rows.count
            part.columns = columns.count
            squares(part, MutableElements(tile.squares, A.scalarType))
            body(tile, rows, columns)
          }
        }
      }
    }
  }
#endif
