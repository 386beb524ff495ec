/// Copies what lies below the diagonal of a row-major square matrix to above it, in squares of 32 × 32 elements: both
/// sides' cache lines are used in full before they are given up.
///
/// Always inlined: a specialization would be a symbol that the copy of the kernels for AVX2 shares with other modules.
@inlinable @inline(__always)
package func mirrorLowerTriangle<Scalar: BitwiseCopyable>(of matrix: UnsafeMutablePointer<Scalar>, size: Int)
{
  let side = 32
  for firstRow in stride(from: 0, to: size, by: side) {
    for firstColumn in stride(from: 0, through: firstRow, by: side) {
      for row in firstRow..<min(firstRow + side, size) {
        for column in firstColumn..<max(firstColumn, min(firstColumn + side, row)) {
          matrix[column * size + row] = matrix[row * size + column]
        }
      }
    }
  }
}
