import KernelInterface

extension LinearAlgebraInSwift {
  static func matmul(
    _ shape: ProductShape, alpha: Scalar, _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>,
    beta: Scalar, into c: UnsafeMutablePointer<Scalar>
  ) {
    let (rows, columns, inner) = (shape.rows, shape.columns, shape.inner)
    guard rows > 0, columns > 0 else { return }
    for i in 0..<rows where beta != 1 {
      let row = c + i * shape.strideC
      if beta == 0 { row.update(repeating: 0, count: columns) } else { scale(row, count: columns, by: beta) }
    }
    guard inner > 0, alpha != 0 else { return }

    // Element (i, k) of op(A) is a[i * aRow + k * aInner]; B likewise.
    let (aRow, aInner) = shape.transposesA ? (1, shape.strideA) : (shape.strideA, 1)
    let (bInner, bColumn) = shape.transposesB ? (1, shape.strideB) : (shape.strideB, 1)
    let depth = min(inner, ProductBlock.inner)
    let height = min(roundedUp(rows, to: ProductBlock.tileRows), ProductBlock.rows)
    let width = min(roundedUp(columns, to: ProductBlock.tileColumns), ProductBlock.columns)
    let packedA = UnsafeMutablePointer<Scalar>.allocate(capacity: height * depth)
    let packedB = UnsafeMutablePointer<Scalar>.allocate(capacity: width * depth)
    defer {
      packedA.deallocate()
      packedB.deallocate()
    }
    for j in stride(from: 0, to: columns, by: ProductBlock.columns) {
      let n = min(ProductBlock.columns, columns - j)
      for k in stride(from: 0, to: inner, by: ProductBlock.inner) {
        let kc = min(ProductBlock.inner, inner - k)
        pack(
          b + (k * bInner + j * bColumn), count: n, stride: bColumn, depth: kc, depthStride: bInner,
          by: ProductBlock.tileColumns, into: packedB)
        for i in stride(from: 0, to: rows, by: ProductBlock.rows) {
          let m = min(ProductBlock.rows, rows - i)
          pack(
            a + (i * aRow + k * aInner), count: m, stride: aRow, depth: kc, depthStride: aInner,
            by: ProductBlock.tileRows, into: packedA)
          addBlock(
            rows: m, columns: n, depth: kc, alpha: alpha, packedA, packedB,
            to: c + (i * shape.strideC + j), rowStride: shape.strideC)
        }
      }
    }
  }

  static func symmetricProduct(
    _ shape: ProductShape, alpha: Scalar, _ a: UnsafePointer<Scalar>, beta: Scalar,
    into c: UnsafeMutablePointer<Scalar>
  ) {
    let size = shape.rows
    let rowStride = shape.transposesA ? 1 : shape.strideA
    var block = shape
    for i in stride(from: 0, to: size, by: 2 * ProductBlock.rows) {
      // Up to the block's last diagonal element. Elements above the diagonal are overwritten later.
      block.rows = min(2 * ProductBlock.rows, size - i)
      block.columns = i + block.rows
      matmul(block, alpha: alpha, a + i * rowStride, a, beta: beta, into: c + i * size)
    }
    mirrorLowerTriangle(of: c, size: size)
  }

  /// Copies `count` lines of `depth` elements into panels of `by` adjacent lines, padded with zeros, so that
  /// a tile reads both factors in order, whether they are transposed or not.
  @inline(__always)
  private static func pack(
    _ source: UnsafePointer<Scalar>, count: Int, stride lineStride: Int, depth: Int, depthStride: Int,
    by panel: Int, into packed: UnsafeMutablePointer<Scalar>
  ) {
    for first in stride(from: 0, to: count, by: panel) {
      let filled = min(panel, count - first)
      let target = packed + first * depth
      let lines = source + first * lineStride
      for k in 0..<depth {
        for line in 0..<filled {
          target[k * panel + line] = lines[line * lineStride + k * depthStride]
        }
        for line in filled..<panel {
          target[k * panel + line] = 0
        }
      }
    }
  }

  /// C ← C + α A B for one block of packed factors.
  @inline(__always)
  private static func addBlock(
    rows: Int, columns: Int, depth: Int, alpha: Scalar,
    _ packedA: UnsafePointer<Scalar>, _ packedB: UnsafePointer<Scalar>,
    to c: UnsafeMutablePointer<Scalar>, rowStride: Int
  ) {
    for j in stride(from: 0, to: columns, by: ProductBlock.tileColumns) {
      for i in stride(from: 0, to: rows, by: ProductBlock.tileRows) {
        addTile(
          rows: min(ProductBlock.tileRows, rows - i), columns: min(ProductBlock.tileColumns, columns - j),
          depth: depth, alpha: alpha, packedA + i * depth, packedB + j * depth,
          to: c + (i * rowStride + j), rowStride: rowStride)
      }
    }
  }

  /// Computes one tile of 4 × 8. Its sums stay in registers for the whole depth.
  @inline(__always)
  private static func addTile(
    rows: Int, columns: Int, depth: Int, alpha: Scalar,
    _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, to c: UnsafeMutablePointer<Scalar>, rowStride: Int
  ) {
    var (row0, row1) = (SIMD8<Scalar>.zero, SIMD8<Scalar>.zero)
    var (row2, row3) = (SIMD8<Scalar>.zero, SIMD8<Scalar>.zero)
    for k in 0..<depth {
      let line = b.eight(at: k * 8)
      row0 += a[k * 4] * line
      row1 += a[k * 4 + 1] * line
      row2 += a[k * 4 + 2] * line
      row3 += a[k * 4 + 3] * line
    }
    add(alpha * row0, to: c, columns: columns)
    if rows > 1 { add(alpha * row1, to: c + rowStride, columns: columns) }
    if rows > 2 { add(alpha * row2, to: c + 2 * rowStride, columns: columns) }
    if rows > 3 { add(alpha * row3, to: c + 3 * rowStride, columns: columns) }
  }

  /// Adds the first `columns` lanes to memory.
  @inline(__always)
  private static func add(_ row: SIMD8<Scalar>, to c: UnsafeMutablePointer<Scalar>, columns: Int) {
    if columns == 8 {
      c.store(c.eight(at: 0) + row, at: 0)
    } else {
      for j in 0..<columns { c[j] += row[j] }
    }
  }
}

/// The block sizes of the matrix product.
private enum ProductBlock {
  /// The number of rows of a tile. With eight columns, its sums fill half of SSE2's sixteen registers.
  static let tileRows = 4
  static let tileColumns = 8
  /// The number of terms that are added before a tile is written back. A panel of B then takes 8 KB of the
  /// first-level cache.
  static let inner = 256
  /// The number of rows of a block. A block of A takes 64 KB of the second-level cache, a block of B 512 KB.
  static let rows = 64
  static let columns = 512
}

/// Returns the least multiple of `step` that is at least `value`.
private func roundedUp(_ value: Int, to step: Int) -> Int { (value + step - 1) / step * step }
