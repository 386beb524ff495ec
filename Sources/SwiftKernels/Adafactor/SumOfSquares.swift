import Kernels

/// Σ p² of a parameter.
enum SumOfSquares<P: StoredScalar, A: Arithmetic> {
  /// Σ p², row by row as `FactoredUpdate` sums what it stores, so that both have the same bits.
  static func sum(_ elements: Elements, rows: Int, columns: Int, stride: Int) -> Double {
    var squares = 0.0
    for row in 0..<rows {
      let base = elements.address + row &* stride &* MemoryLayout<P>.stride
      @inline(__always) func square(_ column: Int, _ valid: Int) -> SIMD8<A> {
        let p = P.load(base, column, valid, as: A.self)
        return p * p
      }
      squares += chunkedSum(columns, square)
    }
    return squares
  }
}
