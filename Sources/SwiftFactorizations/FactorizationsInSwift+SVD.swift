import KernelInterface

// One-sided Jacobi: rotations W make the rows of B = W A orthogonal to each other; then B = Σ Vᵀ and U = Wᵀ.
// The iteration starts from the eigenvectors of A Aᵀ. These are computed by matrix products, so only rows of
// small singular values remain to be rotated, and the rotations restore the accuracy that squaring lost.

extension FactorizationsInSwift {
  func svd(
    _ a: UnsafePointer<Scalar>, rows: Int, columns: Int, u: Memory, singularValues: Memory,
    vTransposed: Memory
  ) -> Bool {
    let rank = min(rows, columns)
    guard rank > 0 else { return true }
    let length = max(rows, columns)
    return withZeros(2 * rank * length + rank * rank) { matrix in
      let rotated = matrix + rank * length
      let w = rotated + rank * length
      // The vectors of the shorter side are rows: Aᵀ = V Σ Uᵀ.
      if rows <= columns {
        matrix.update(from: a, count: rank * length)
      } else {
        transpose(a, rows: rows, columns: columns, into: matrix)
      }
      let scale = scale(of: matrix, count: rank * length)
      kernels.scale(matrix, rank * length, scale.multiply)
      guard initialRotation(w, of: matrix, rows: rank, columns: length, eigenvalues: singularValues) else {
        return false
      }
      kernels.matmul(ProductShape(rows: rank, columns: length, inner: rank), 1, w, matrix, 0, rotated)
      guard orthogonalize(rotated, rows: rank, columns: length, rotating: w) else { return false }
      // The rows, in the order of their norms, are written to the memory of A.
      let norms = (0..<rank).map { norm(rotated + $0 * length, count: length) }
      let order = (0..<rank).sorted { norms[$0] > norms[$1] }
      let least = negligible(largest: norms[order[0]])
      let exact = norms.count { $0 > least }
      let directions = matrix
      directions.update(repeating: 0, count: rank * length)
      for (i, row) in order.enumerated() {
        singularValues[i] = Scalar(norms[row] * Double(scale.divide))
        for j in 0..<length where i < exact {
          directions[i * length + j] = Scalar(Double(rotated[row * length + j]) / norms[row])
        }
      }
      completeBasis(directions, rows: rank, columns: length, exact: exact)
      let basis = rotated
      for (i, row) in order.enumerated() { (basis + i * rank).update(from: w + row * rank, count: rank) }
      if rows <= columns {
        transpose(basis, rows: rank, columns: rank, into: u)
        vTransposed.update(from: directions, count: rank * length)
      } else {
        transpose(directions, rows: rank, columns: length, into: u)
        vTransposed.update(from: basis, count: rank * rank)
      }
      return true
    }
  }

  /// Returns the norm up to which a row has no accurate direction, because squares of its elements would not
  /// be normal numbers.
  private func negligible(largest: Double) -> Double {
    let least = Double(Scalar.leastNormalMagnitude).squareRoot() / Double(Scalar.ulpOfOne)
    return min(least, largest * Double(Scalar.ulpOfOne))
  }

  /// W ← the eigenvectors of A Aᵀ as rows, with the largest eigenvalues first.
  private func initialRotation(
    _ w: Memory, of a: UnsafePointer<Scalar>, rows: Int, columns: Int, eigenvalues: Memory
  ) -> Bool {
    kernels.symmetricProduct(ProductShape(symmetric: rows, inner: columns), 1, a, 0, w)
    guard eigh(w, size: rows, eigenvalues: eigenvalues, eigenvectors: w) else { return false }
    for i in 0..<rows / 2 {
      let (x, y) = (w + i * rows, w + (rows - 1 - i) * rows)
      for k in 0..<rows { (x[k], y[k]) = (y[k], x[k]) }
    }
    return true
  }

  /// Rotates pairs of rows of B, together with W's, until all rows are orthogonal to each other.
  private func orthogonalize(_ b: Memory, rows: Int, columns: Int, rotating w: Memory) -> Bool {
    let tolerance = max(10, Double(columns).squareRoot()) * Double(Scalar.ulpOfOne)
    return withZeros(rows * rows) { products in
      for _ in 0..<40 {
        // Tests all pairs with one product. A pair that does not look orthogonal is tested again when its
        // turn comes.
        kernels.symmetricProduct(ProductShape(symmetric: rows, inner: columns), 1, b, 0, products)
        var isOrthogonal = true
        let largest = (0..<rows).reduce(0) { max($0, Double(products[$1 * rows + $1])) }.squareRoot()
        let least = negligible(largest: largest)
        for i in 0..<rows {
          let x = b + i * columns
          for j in (i + 1)..<max(rows, i + 1) {
            let bound = products[i * rows + i] * products[j * rows + j]
            let product = products[i * rows + j]
            // The bound may have underflowed.
            if bound > Scalar.leastNormalMagnitude,
              Double(product.magnitude) <= tolerance / 2 * Double(bound).squareRoot()
            {
              continue
            }
            let y = b + j * columns
            let (xx, yy) = (kernels.dot(x, x, columns), kernels.dot(y, y, columns))
            if min(xx, yy).squareRoot() <= least { continue }
            let xy = kernels.dot(x, y, columns)
            if xy.magnitude <= tolerance * (xx.squareRoot() * yy.squareRoot()) { continue }
            isOrthogonal = false
            let ratio = (yy - xx) / (2 * xy)
            let tangent = 1 / (ratio.magnitude + (1 + ratio * ratio).squareRoot()) * (ratio < 0 ? -1 : 1)
            let cosine = 1 / (1 + tangent * tangent).squareRoot()
            rotate(y, x, columns, Scalar(cosine), Scalar(cosine * tangent))
            rotate(w + j * rows, w + i * rows, rows, Scalar(cosine), Scalar(cosine * tangent))
          }
        }
        if isOrthogonal { return true }
      }
      return false
    }
  }

  /// x ← c x + s y, y ← c y − s x.
  private func rotate(_ x: Memory, _ y: Memory, _ count: Int, _ cosine: Scalar, _ sine: Scalar) {
    for k in 0..<count {
      (x[k], y[k]) = (cosine * x[k] + sine * y[k], cosine * y[k] - sine * x[k])
    }
  }

  /// Fills the rows from `exact` so that all rows are orthonormal. The earlier rows already are.
  private func completeBasis(_ directions: Memory, rows: Int, columns: Int, exact: Int) {
    guard exact < rows else { return }
    withZeros(2 * rows * columns + rows * rows) { transposed in
      let q = transposed + rows * columns
      transpose(directions, rows: rows, columns: columns, into: transposed)
      qr(transposed, rows: columns, columns: rows, q: q, r: q + rows * columns)
      transpose(q, rows: columns, columns: rows, into: transposed)
      let from = exact * columns
      (directions + from).update(from: transposed + from, count: (rows - exact) * columns)
    }
  }
}
