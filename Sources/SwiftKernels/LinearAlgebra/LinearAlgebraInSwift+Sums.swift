import KernelInterface

extension LinearAlgebraInSwift {
  static func rowSums(
    of terms: SummedTerms, _ x: UnsafePointer<Scalar>, rows: Int, columns: Int,
    into sums: UnsafeMutablePointer<Scalar>
  ) {
    let squares = terms.areSquares
    for i in 0..<rows {
      let row = x + i * columns
      if columns <= 16 {
        // The overhead of the chunked sum is about thirty additions.
        var sum: Scalar = 0
        for j in 0..<columns { sum += squares ? row[j] * row[j] : row[j] }
        sums[i] = sum
      } else {
        sums[i] = Scalar(squares ? dot(row, row, count: columns) : sum(row, count: columns))
      }
    }
  }

  static func columnSums(
    of terms: SummedTerms, _ x: UnsafePointer<Scalar>, rows: Int, columns: Int,
    into sums: UnsafeMutablePointer<Scalar>
  ) {
    guard columns > 0 else { return }
    if columns == 1 {
      return rowSums(of: terms, x, rows: 1, columns: rows, into: sums)
    }
    let widest = min(columns, 1024)
    withUnsafeTemporaryAllocation(of: Scalar.self, capacity: widest) { chunkSums in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: widest) { totals in
        for firstColumn in stride(from: 0, to: columns, by: widest) {
          let width = min(widest, columns - firstColumn)
          for j in 0..<width { totals[j] = 0 }
          for firstRow in stride(from: 0, to: rows, by: KernelLimits.elementsPerSum) {
            let height = min(KernelLimits.elementsPerSum, rows - firstRow)
            addUpColumns(
              of: terms, x + (firstRow * columns + firstColumn), rowStride: columns, height: height,
              width: width,
              into: chunkSums.baseAddress!)
            for j in 0..<width { totals[j] += Double(chunkSums[j]) }
          }
          for j in 0..<width { sums[firstColumn + j] = Scalar(totals[j]) }
        }
      }
    }
  }

  /// sumsⱼ ← the sum of column j of one chunk of rows, four rows at a time, so that the sums are loaded once
  /// for four rows.
  @inline(__always)
  private static func addUpColumns(
    of terms: SummedTerms, _ x: UnsafePointer<Scalar>, rowStride: Int, height: Int, width: Int,
    into sums: UnsafeMutablePointer<Scalar>
  ) {
    for j in 0..<width { sums[j] = 0 }
    let squares = terms.areSquares
    var i = 0
    while i + 4 <= height {
      let row0 = x + i * rowStride
      let row1 = row0 + rowStride
      let row2 = row1 + rowStride
      let row3 = row2 + rowStride
      var j = 0
      while j + 8 <= width {
        let (a, b, c, d) = (row0.eight(at: j), row1.eight(at: j), row2.eight(at: j), row3.eight(at: j))
        let four = squares ? (a * a + b * b) + (c * c + d * d) : (a + b) + (c + d)
        sums.store(sums.eight(at: j) + four, at: j)
        j += 8
      }
      while j < width {
        let (a, b, c, d) = (row0[j], row1[j], row2[j], row3[j])
        sums[j] += squares ? (a * a + b * b) + (c * c + d * d) : (a + b) + (c + d)
        j += 1
      }
      i += 4
    }
    while i < height {
      let row = x + i * rowStride
      for j in 0..<width { sums[j] += squares ? row[j] * row[j] : row[j] }
      i += 1
    }
  }

  static func sum(_ x: UnsafePointer<Scalar>, count: Int) -> Double {
    reduce(count: count, eight: { x.eight(at: $0) }, one: { x[$0] })
  }

  static func dot(_ x: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>, count: Int) -> Double {
    reduce(count: count, eight: { x.eight(at: $0) * y.eight(at: $0) }, one: { x[$0] * y[$0] })
  }

  /// Returns the sum of `count` terms: chunks in `Double`, and within a chunk, 32 lanes of `Scalar`.
  @inline(__always)
  private static func reduce(count: Int, eight: (Int) -> SIMD8<Scalar>, one: (Int) -> Scalar) -> Double {
    var total = 0.0
    for start in stride(from: 0, to: count, by: KernelLimits.elementsPerSum) {
      let end = min(start + KernelLimits.elementsPerSum, count)
      var (a, b) = (SIMD8<Scalar>.zero, SIMD8<Scalar>.zero)
      var (c, d) = (SIMD8<Scalar>.zero, SIMD8<Scalar>.zero)
      var i = start
      while i + 32 <= end {
        a += eight(i)
        b += eight(i + 8)
        c += eight(i + 16)
        d += eight(i + 24)
        i += 32
      }
      while i + 8 <= end {
        a += eight(i)
        i += 8
      }
      var rest: Scalar = 0
      while i < end {
        rest += one(i)
        i += 1
      }
      total += Double(((a + b) + (c + d)).laneSum + rest)
    }
    return total
  }
}

extension SummedTerms {
  /// Whether the terms are squares. The synthesized `==` of another module's type would be a call.
  @inline(__always)
  fileprivate var areSquares: Bool {
    switch self {
    case .elements: false
    case .squares: true
    }
  }
}
