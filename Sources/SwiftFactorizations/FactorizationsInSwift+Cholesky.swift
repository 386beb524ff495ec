import KernelInterface

extension FactorizationsInSwift {
  func cholesky(_ a: UnsafePointer<Scalar>, size: Int, factor l: Memory) -> Int? {
    if UnsafePointer(l) != a { l.update(from: a, count: size * size) }
    for first in stride(from: 0, to: size, by: 2 * panelWidth) {
      let width = min(2 * panelWidth, size - first)
      let rows = l + first * size
      // The columns of the panel minus the contribution of the columns to the left.
      kernels.matmul(
        ProductShape(
          rows: size - first, columns: width, inner: first, transposesB: true,
          strideA: size, strideB: size, strideC: size),
        -1, rows, rows, 1, rows + first)
      for i in first..<size {
        let row = l + i * size
        for j in first..<min(i + 1, first + width) {
          let other = l + j * size
          let rest = Double(row[j]) - kernels.dot(row + first, other + first, j - first)
          if j < i {
            row[j] = Scalar(rest / Double(other[j]))
          } else {
            // Not `rest <= 0`: NaN is not positive either.
            guard rest > 0, rest.isFinite else { return i + 1 }
            row[j] = Scalar(rest.squareRoot())
            (row + (j + 1)).update(repeating: 0, count: size - j - 1)
          }
        }
      }
    }
    return nil
  }
}
