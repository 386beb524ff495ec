#if OpenBLAS
  import KernelInterface

  /// The squares of a few rows of a gradient, in the second-level cache. They are first summed by rows, then
  /// divided by factors that follow from these sums, and summed by columns.
  struct SquaresBand<A: BLASScalar> {
    /// The squares, row after row without gaps.
    let squares: UnsafeMutablePointer<A>
    /// A vector of ones, for the longer side of a tile.
    let ones: UnsafeMutablePointer<A>
    /// Memory for one number per row.
    let sums: UnsafeMutablePointer<A>
    /// The number of rows of every band except the last.
    let height: Int

    /// The number of columns of one `gemv` call.
    var tileWidth: Int { A.tileSide }

    /// The number of bytes of a band, unless a row is longer.
    private static var bytes: Int { 256 << 10 }
    private static var leastHeight: Int { 4 }

    /// Calls `body` for one band of rows after the other, with its squares computed.
    @inline(__always)
    static func forEach(
      of gradient: GradientPiece, _ squares: (GradientPiece, MutableElements) -> Void,
      _ body: (_ band: SquaresBand, _ rows: Range<Int>) -> Void
    ) {
      let mostHeight = A.tileCapacity / A.tileSide
      let fitting = bytes / MemoryLayout<A>.stride / max(1, gradient.columns)
      let height = max(leastHeight, min(mostHeight, fitting / leastHeight * leastHeight))
      let side = max(mostHeight, A.tileSide)
      withUnsafeTemporaryAllocation(of: A.self, capacity: height * gradient.columns + 2 * side) { memory in
        let ones = memory.baseAddress!
        ones.update(repeating: 1, count: side)
        let band = SquaresBand(squares: ones + 2 * side, ones: ones, sums: ones + side, height: height)
        for row in stride(from: 0, to: gradient.rows, by: height) {
          var part = gradient
          part.elements = gradient.elements.advanced(by: row * gradient.stride)
          part.rows = min(height, gradient.rows - row)
          squares(part, MutableElements(band.squares, A.scalarType))
          body(band, row..<row + part.rows)
        }
      }
    }
  }
#endif
