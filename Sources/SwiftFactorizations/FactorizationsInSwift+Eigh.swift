import KernelInterface

// A = Q T Qᵀ by Householder reflections, with T tridiagonal. T = Z Λ Zᵀ by implicit QL steps; their rotations
// turn the rows of Qᵀ into (Q Z)ᵀ.

extension FactorizationsInSwift {
  func eigh(
    _ a: UnsafePointer<Scalar>, size: Int, eigenvalues: Memory, eigenvectors w: Memory
  ) -> Bool {
    guard size > 0 else { return true }
    if UnsafePointer(w) != a { w.update(from: a, count: size * size) }
    mirrorLowerTriangle(of: w, size: size)
    let scale = scale(of: w, count: size * size)
    kernels.scale(w, size * size, scale.multiply)
    var tridiagonal = reduce(w, size: size)
    guard diagonalize(&tridiagonal, rotatingRowsOf: w) else { return false }
    sort(&tridiagonal.diagonal, rowsOf: w)
    for i in 0..<size { eigenvalues[i] = Scalar(tridiagonal.diagonal[i] * Double(scale.divide)) }
    return true
  }

  /// A symmetric tridiagonal matrix; the last element off the diagonal is 0.
  struct Tridiagonal {
    var diagonal: [Double]
    var offDiagonal: [Double]
  }

  // MARK: Reduction

  /// A ← Qᵀ, and returns T. After a panel, only the elements on and after the diagonal of each row are read.
  private func reduce(_ a: Memory, size: Int) -> Tridiagonal {
    var t = Tridiagonal(
      diagonal: [Double](repeating: 0, count: size), offDiagonal: [Double](repeating: 0, count: size))
    withZeros(size * size + panelWidth * (2 * size) + size) { vectors in
      // Rows: the v of each column, the factors T of blocks of columns, and the w of the panel's columns.
      let factors = vectors + size * size
      let updates = factors + size * panelWidth
      let column = updates + panelWidth * size
      for first in stride(from: 0, to: size, by: panelWidth) {
        let width = min(panelWidth, size - first)
        for index in 0..<width {
          let j = first + index
          let count = size - j
          // Column j of A − Σ (v wᵀ + w vᵀ), which by symmetry is its row from the diagonal.
          (column + j).update(from: a + (j * size + j), count: count)
          for earlier in 0..<index {
            let (v, u) = (vectors + (first + earlier) * size + j, updates + earlier * size + j)
            kernels.axpy(-v[0], u, count, column + j)
            kernels.axpy(-u[0], v, count, column + j)
          }
          t.diagonal[j] = Double(column[j])
          guard count > 1 else { continue }
          let v = vectors + j * size + (j + 1)
          v.update(from: column + (j + 1), count: count - 1)
          let (beta, tau) = makeReflector(v, count: count - 1)
          t.offDiagonal[j] = Double(beta)
          factors[j * panelWidth + index] = tau
          let u = updates + index * size
          u.update(repeating: 0, count: size)
          if tau != 0 {
            makeUpdate(u + (j + 1), a + ((j + 1) * size + j + 1), stride: size, v, tau, count: count - 1) {
              for earlier in 0..<index {
                let v0 = vectors + (first + earlier) * size + (j + 1)
                let u0 = updates + earlier * size + (j + 1)
                let (alongU, alongV) = (kernels.dot(u0, v, count - 1), kernels.dot(v0, v, count - 1))
                kernels.axpy(-Scalar(alongU), v0, count - 1, $0)
                kernels.axpy(-Scalar(alongV), u0, count - 1, $0)
              }
            }
          }
        }
        subtract(vectors + first * size, updates, width: width, from: a, next: first + width, size: size)
        let reflectors = min(width, size - 1 - first)
        completeFactors(
          vectors + first * size, stride: size, count: reflectors, length: size, factors + first * panelWidth)
      }
      // Q leaves the first axis unchanged.
      withZeros(size * size) { q in
        q[0] = 1
        if size > 1 {
          formQ(
            vectors + 1, stride: size, count: size - 1, factors, into: q + (size + 1), rows: size - 1,
            columns: size - 1, stride: size)
        }
        transpose(q, rows: size, columns: size, into: a)
      }
    }
    return t
  }

  /// u ← τ (A v − …) − ½ τ (uᵀv) v, where `subtractEarlier` subtracts the effect of the panel's earlier
  /// columns on A.
  private func makeUpdate(
    _ u: Memory, _ a: UnsafePointer<Scalar>, stride: Int, _ v: UnsafePointer<Scalar>, _ tau: Scalar,
    count: Int,
    _ subtractEarlier: (Memory) -> Void
  ) {
    // The rows of A from the diagonal, each read only once: as a row and as a column.
    for i in 0..<count {
      let row = a + (i * stride + i)
      u[i] += row[0] * v[i] + Scalar(kernels.dot(row + 1, v + (i + 1), count - i - 1))
      kernels.axpy(v[i], row + 1, count - i - 1, u + (i + 1))
    }
    subtractEarlier(u)
    kernels.scale(u, count, tau)
    kernels.axpy(-tau / 2 * Scalar(kernels.dot(u, v, count)), v, count, u)
  }

  /// A ← A − Vᵀ U − Uᵀ V on the rows and columns from `next`, on and after the diagonal.
  private func subtract(
    _ vectors: UnsafePointer<Scalar>, _ updates: UnsafePointer<Scalar>, width: Int, from a: Memory, next: Int,
    size: Int
  ) {
    let height = 128
    for row in stride(from: next, to: size, by: height) {
      let shape = ProductShape(
        rows: min(height, size - row), columns: size - row, inner: width, transposesA: true,
        strideA: size, strideB: size, strideC: size)
      kernels.matmul(shape, -1, vectors + row, updates + row, 1, a + (row * size + row))
      kernels.matmul(shape, -1, updates + row, vectors + row, 1, a + (row * size + row))
    }
  }

  // MARK: Iteration

  /// Makes T diagonal by QL steps with Wilkinson's shift (EISPACK's `tql2`), in `Double` for every scalar type.
  ///
  /// The rotations of many steps are collected and then applied together.
  private func diagonalize(_ t: inout Tridiagonal, rotatingRowsOf w: Memory) -> Bool {
    let size = t.diagonal.count
    var rotations: [PlaneRotation<Scalar>] = []
    let collected = 64 * size
    rotations.reserveCapacity(collected + size)
    func apply() {
      rotations.withUnsafeBufferPointer { kernels.rotateRows(w, size, size, $0) }
      rotations.removeAll(keepingCapacity: true)
    }
    // An eighth of the scalar type's precision: further steps would not change the stored result.
    let precision = Double(Scalar.ulpOfOne) / 8
    var remaining = 30 * size
    for l in 0..<size {
      while true {
        var m = l
        while m < size - 1,
          !(t.offDiagonal[m].magnitude
            <= precision * (t.diagonal[m].magnitude + t.diagonal[m + 1].magnitude))
        { m += 1 }
        if m == l { break }
        if remaining == 0 { return false }
        remaining -= 1
        step(&t, from: l, to: m, &rotations)
        if rotations.count >= collected { apply() }
      }
    }
    apply()
    return true
  }

  /// Performs one implicit QL step on the rows and columns l … m.
  private func step(
    _ t: inout Tridiagonal, from l: Int, to m: Int, _ rotations: inout [PlaneRotation<Scalar>]
  ) {
    func hypotenuse(_ x: Double, _ y: Double) -> Double { (x * x + y * y).squareRoot() }
    var g = (t.diagonal[l + 1] - t.diagonal[l]) / (2 * t.offDiagonal[l])
    // g may be as large as 2⁵⁵, so its square is finite.
    let root = hypotenuse(g, 1)
    g = t.diagonal[m] - t.diagonal[l] + t.offDiagonal[l] / (g + (g < 0 ? -root : root))
    var (sine, cosine, shift) = (1.0, 1.0, 0.0)
    for i in stride(from: m - 1, through: l, by: -1) {
      let f = sine * t.offDiagonal[i]
      let b = cosine * t.offDiagonal[i]
      let r = hypotenuse(f, g)
      t.offDiagonal[i + 1] = r
      if r == 0 {
        // The matrix has split. The rest of the step would divide by zero.
        t.diagonal[i + 1] -= shift
        t.offDiagonal[m] = 0
        return
      }
      (sine, cosine) = (f / r, g / r)
      g = t.diagonal[i + 1] - shift
      let s = (t.diagonal[i] - g) * sine + 2 * cosine * b
      shift = sine * s
      t.diagonal[i + 1] = g + shift
      g = cosine * s - b
      rotations.append(
        PlaneRotation(first: i + 1, second: i, cosine: Scalar(cosine), sine: Scalar(sine)))
    }
    t.diagonal[l] -= shift
    t.offDiagonal[l] = g
    t.offDiagonal[m] = 0
  }

  /// Sorts eigenvalues in ascending order, together with the rows of W.
  private func sort(_ values: inout [Double], rowsOf w: Memory) {
    let size = values.count
    for i in 0..<size {
      var least = i
      for j in i..<size where values[j] < values[least] { least = j }
      if least == i { continue }
      values.swapAt(i, least)
      let (x, y) = (w + i * size, w + least * size)
      for k in 0..<size { (x[k], y[k]) = (y[k], x[k]) }
    }
  }
}
