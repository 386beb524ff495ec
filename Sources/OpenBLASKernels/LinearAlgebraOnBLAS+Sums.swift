#if OpenBLAS
  import KernelInterface

  extension LinearAlgebraOnBLAS {
    func rowSums(
      of terms: SummedTerms, _ x: UnsafePointer<Scalar>, rows: Int, columns: Int,
      into sums: UnsafeMutablePointer<Scalar>
    ) {
      let tile = Tile<Scalar>(rows: rows, columns: columns)
      withScratch(tile, totals: tile.height, of: terms) { scratch in
        for firstRow in stride(from: 0, to: rows, by: tile.height) {
          let height = min(tile.height, rows - firstRow)
          for i in 0..<height { scratch.totals[i] = 0 }
          for firstColumn in stride(from: 0, to: columns, by: tile.width) {
            let width = min(tile.width, columns - firstColumn)
            addSums(
              of: terms, x + (firstRow * columns + firstColumn), rowStride: columns,
              rows: height, columns: width, overRows: false, scratch, to: scratch.totals)
          }
          for i in 0..<height { sums[firstRow + i] = Scalar(scratch.totals[i]) }
        }
      }
    }

    func columnSums(
      of terms: SummedTerms, _ x: UnsafePointer<Scalar>, rows: Int, columns: Int,
      into sums: UnsafeMutablePointer<Scalar>
    ) {
      let tile = Tile<Scalar>(rows: rows, columns: columns)
      // As in row sums, tiles are processed along the rows, so that memory is read in order. Processing one
      // column of tiles after the other took eight times as long.
      let panel = min(columns, 8192)
      withScratch(tile, totals: panel, of: terms) { scratch in
        for firstPanelColumn in stride(from: 0, to: columns, by: 8192) {
          let panelWidth = min(panel, columns - firstPanelColumn)
          for j in 0..<panelWidth { scratch.totals[j] = 0 }
          for firstRow in stride(from: 0, to: rows, by: tile.height) {
            let height = min(tile.height, rows - firstRow)
            for firstColumn in stride(from: 0, to: panelWidth, by: tile.width) {
              let width = min(tile.width, panelWidth - firstColumn)
              addSums(
                of: terms, x + (firstRow * columns + firstPanelColumn + firstColumn), rowStride: columns,
                rows: height, columns: width, overRows: true, scratch, to: scratch.totals + firstColumn)
            }
          }
          for j in 0..<panelWidth { sums[firstPanelColumn + j] = Scalar(scratch.totals[j]) }
        }
      }
    }

    func sum(_ x: UnsafePointer<Scalar>, count: Int) -> Double {
      // The vector is treated as a matrix with the width of a tile. The remainder is a last, shorter row.
      let width = Scalar.tileSide
      let rows = count / width
      let rest = count - rows * width
      let tile = Tile<Scalar>(rows: max(rows, 1), columns: width)
      return withScratch(tile, totals: tile.height, of: .elements) { scratch in
        var total = 0.0
        func add(rows: Int, columns: Int, from start: Int) {
          for i in 0..<rows { scratch.totals[i] = 0 }
          addSums(
            of: .elements, x + start, rowStride: columns, rows: rows, columns: columns, overRows: false,
            scratch, to: scratch.totals)
          for i in 0..<rows { total += scratch.totals[i] }
        }
        for firstRow in stride(from: 0, to: rows, by: tile.height) {
          add(rows: min(tile.height, rows - firstRow), columns: width, from: firstRow * width)
        }
        if rest > 0 { add(rows: 1, columns: rest, from: rows * width) }
        return total
      }
    }

    func dot(_ x: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>, count: Int) -> Double {
      var total = 0.0
      for start in stride(from: 0, to: count, by: KernelLimits.elementsPerSum) {
        total += Double(
          Scalar.dot(count: min(KernelLimits.elementsPerSum, count - start), x + start, y + start))
      }
      return total
    }

    /// totals ← totals + the sums over the rows or the columns of one tile: `gemv` with a vector of ones.
    @inline(__always)
    private func addSums(
      of terms: SummedTerms, _ x: UnsafePointer<Scalar>, rowStride: Int, rows: Int, columns: Int,
      overRows: Bool, _ scratch: Scratch<Scalar>, to totals: UnsafeMutablePointer<Double>
    ) {
      var (source, sourceStride) = (x, rowStride)
      if terms == .squares {
        for i in 0..<rows {
          let row = x + i * rowStride
          swift.combine(.multiply, row, row, columns, scratch.squares + i * columns)
        }
        (source, sourceStride) = (UnsafePointer(scratch.squares), columns)
      }
      Scalar.gemv(
        transposed: overRows, rows: rows, columns: columns, alpha: 1, source, rowStride: sourceStride,
        scratch.ones, beta: 0, scratch.sums)
      for i in 0..<(overRows ? columns : rows) { totals[i] += Double(scratch.sums[i]) }
    }

    /// Runs `body` with memory for a tile's squares, its sums, a vector of ones, and `totalCount` totals.
    @inline(__always)
    private func withScratch<Result>(
      _ tile: Tile<Scalar>, totals totalCount: Int, of terms: SummedTerms, _ body: (Scratch<Scalar>) -> Result
    ) -> Result {
      let side = max(tile.height, tile.width)
      let squares = terms == .squares ? tile.height * tile.width : 0
      return withUnsafeTemporaryAllocation(of: Scalar.self, capacity: squares + 2 * side) { scalars in
        withUnsafeTemporaryAllocation(of: Double.self, capacity: totalCount) { totals in
          let scratch = Scratch(
            squares: scalars.baseAddress!, ones: scalars.baseAddress! + squares,
            sums: scalars.baseAddress! + (squares + side), totals: totals.baseAddress!)
          scratch.ones.update(repeating: 1, count: side)
          return body(scratch)
        }
      }
    }
  }

  /// The tiles that a matrix is divided into: as wide as the matrix, up to ``BLASScalar/tileSide``, and as
  /// high as possible.
  private struct Tile<Scalar: BLASScalar> {
    let height: Int
    let width: Int

    init(rows: Int, columns: Int) {
      width = max(1, min(columns, Scalar.tileSide))
      height = max(1, min(rows, Scalar.tileSide, Scalar.tileCapacity / width))
    }
  }

  /// The memory of one reduction.
  private struct Scratch<Scalar> {
    let squares: UnsafeMutablePointer<Scalar>
    let ones: UnsafeMutablePointer<Scalar>
    let sums: UnsafeMutablePointer<Scalar>
    let totals: UnsafeMutablePointer<Double>
  }
#endif
