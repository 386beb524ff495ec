import Kernels

/// Σ p² of a parameter.
enum SumOfSquares<P: StoredScalar, A: Arithmetic> {
  /// Σ p², row by row as `FactoredUpdate` sums what it stores, so that both have the same bits.
  static func sum(_ elements: Elements, rows: Int, columns: Int, stride: Int) -> Double {
    @inline(__always) func square(_ row: Int, _ column: Int, _ valid: Int) -> SIMD8<A> {
      let base = elements.address + row &* stride &* MemoryLayout<P>.stride
      let p = P.load(base, column, valid, as: A.self)
      return p * p
    }
    return chunkedSum(rows: rows, columns: columns, square)
  }
}
