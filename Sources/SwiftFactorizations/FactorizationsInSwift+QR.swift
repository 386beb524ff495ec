import KernelInterface

// Householder reflections H = I − τ v vᵀ, in blocks of reflectors: H₁ ⋯ H_b = I − V T Vᵀ with T upper
// triangular. The vectors v are rows in memory, so that each is contiguous.

extension FactorizationsInSwift {
  func qr(
    _ a: UnsafePointer<Scalar>, rows: Int, columns: Int, q: Memory, r: Memory
  ) {
    let rank = min(rows, columns)
    guard rank > 0 else { return }
    withZeros(rows * columns + rank * (rows + panelWidth)) { rest in
      let vectors = rest + rows * columns
      let factors = vectors + rank * rows
      rest.update(from: a, count: rows * columns)
      r.update(repeating: 0, count: rank * columns)
      for first in stride(from: 0, to: rank, by: panelWidth) {
        let width = min(panelWidth, rank - first)
        // The panel's columns as rows.
        for i in 0..<rows {
          for j in 0..<width { vectors[(first + j) * rows + i] = rest[i * columns + first + j] }
        }
        for j in 0..<width {
          let column = vectors + (first + j) * rows
          let pivot = first + j
          let (beta, tau) = makeReflector(column + pivot, count: rows - pivot)
          factors[pivot * panelWidth + j] = tau
          for other in (j + 1)..<max(width, j + 1) {
            reflect(vectors + ((first + other) * rows + pivot), by: column + pivot, tau, count: rows - pivot)
          }
          // Above the pivot are the elements of R from earlier panels and reflectors. v begins at the pivot.
          for i in first..<pivot { r[i * columns + pivot] = column[i] }
          r[pivot * columns + pivot] = beta
          column.update(repeating: 0, count: pivot)
        }
        completeFactors(
          vectors + first * rows, stride: rows, count: width, length: rows, factors + first * panelWidth)
        // Updates the columns to the right: A ← A − V Tᵀ Vᵀ A.
        let next = first + width
        if next < columns {
          applyBlock(
            transposed: true, vectors + (first * rows + first), stride: rows, count: width,
            factors + first * panelWidth, to: rest + (first * columns + next), rows: rows - first,
            columns: columns - next, stride: columns)
          for i in first..<next {
            (r + (i * columns + next)).update(from: rest + (i * columns + next), count: columns - next)
          }
        }
      }
      formQ(
        vectors, stride: rows, count: rank, factors, into: q, rows: rows, columns: rank, stride: rank)
    }
  }

  func orthogonalFactor(_ a: UnsafePointer<Scalar>, rows: Int, columns: Int, q: Memory) {
    withZeros(min(rows, columns) * columns) { qr(a, rows: rows, columns: columns, q: q, r: $0) }
  }

  /// Replaces x with the v of a reflection with H x = (β, 0, …), v₀ = 1, as LAPACK does. H is I if all
  /// elements after x₀ are 0.
  func makeReflector(_ x: Memory, count: Int) -> (beta: Scalar, tau: Scalar) {
    let alpha = Double(x[0])
    let length = norm(x, count: count)
    let isReduced = norm(x + 1, count: count - 1) == 0
    x[0] = 1
    if isReduced { return (Scalar(alpha), 0) }
    let beta = alpha < 0 ? length : -length
    let divisor = alpha - beta
    for i in 1..<max(1, count) { x[i] = Scalar(Double(x[i]) / divisor) }
    return (Scalar(beta), Scalar((beta - alpha) / beta))
  }

  /// x ← x − τ (vᵀx) v.
  func reflect(_ x: Memory, by v: UnsafePointer<Scalar>, _ tau: Scalar, count: Int) {
    if tau != 0 { kernels.axpy(-tau * Scalar(kernels.dot(v, x, count)), v, count, x) }
  }

  /// Fills T, with `panelWidth` elements per row. Its diagonal holds the factors τ of `count` reflectors.
  func completeFactors(
    _ vectors: UnsafePointer<Scalar>, stride: Int, count: Int, length: Int, _ factors: Memory
  ) {
    withUnsafeTemporaryAllocation(of: Scalar.self, capacity: max(1, count)) { products in
      for j in 0..<count {
        let tau = factors[j * panelWidth + j]
        for i in 0..<j {
          products[i] = -tau * Scalar(kernels.dot(vectors + i * stride, vectors + j * stride, length))
        }
        for i in 0..<j {
          var sum: Scalar = 0
          for k in i..<j { sum += factors[i * panelWidth + k] * products[k] }
          factors[i * panelWidth + j] = sum
        }
      }
    }
  }

  /// X ← (I − V op(T) Vᵀ) X, with V's `count` columns stored as rows.
  func applyBlock(
    transposed: Bool, _ vectors: UnsafePointer<Scalar>, stride: Int, count: Int,
    _ factors: UnsafePointer<Scalar>,
    to x: Memory, rows: Int, columns: Int, stride xStride: Int
  ) {
    withZeros(2 * count * columns) { products in
      let combined = products + count * columns
      kernels.matmul(
        ProductShape(rows: count, columns: columns, inner: rows, strideA: stride, strideB: xStride),
        1, vectors, x, 0, products)
      kernels.matmul(
        ProductShape(
          rows: count, columns: columns, inner: count, transposesA: transposed, strideA: panelWidth),
        1, factors, products, 0, combined)
      kernels.matmul(
        ProductShape(
          rows: rows, columns: columns, inner: count, transposesA: true, strideA: stride, strideC: xStride),
        -1, vectors, combined, 1, x)
    }
  }

  /// Computes the first `columns` columns of Q = H₁ ⋯ H_count. Reflector j changes the rows from j.
  func formQ(
    _ vectors: UnsafePointer<Scalar>, stride vectorStride: Int, count: Int, _ factors: UnsafePointer<Scalar>,
    into q: Memory, rows: Int, columns: Int, stride qStride: Int
  ) {
    for i in 0..<rows {
      (q + i * qStride).update(repeating: 0, count: columns)
      if i < columns { q[i * qStride + i] = 1 }
    }
    for first in stride(from: (count - 1) / panelWidth * panelWidth, through: 0, by: -panelWidth) {
      applyBlock(
        transposed: false, vectors + (first * vectorStride + first), stride: vectorStride,
        count: min(panelWidth, count - first), factors + first * panelWidth,
        to: q + (first * qStride + first), rows: rows - first, columns: columns - first, stride: qStride)
    }
  }
}
