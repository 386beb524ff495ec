/// Copies the part of a row-major square matrix below the diagonal to the part above it, in squares of 32 ×
/// 32 elements, which use the cache lines of both sides completely before they are evicted.
///
/// Always inlined: a specialization would be a symbol that the AVX2 copy of the kernels shares with other
/// modules.
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
