import KernelInterface

/// Σ p² of a parameter.
enum SumOfSquares<P: TensorScalar, A: ArithmeticScalar> {
  /// Returns Σ p², summed row by row like the values that `FactoredUpdate` stores, so that both have the same
  /// bits.
  static func sum(_ elements: Elements, rows: Int, columns: Int, stride: Int) -> Double {
    if isNarrow(rows: rows, columns: columns, stride: stride) {
      return sum(elements, rows: 1, columns: rows &* columns, stride: rows &* columns)
    }
    @inline(__always) func address(_ row: Int) -> UnsafeRawPointer {
      elements.address + row &* stride &* MemoryLayout<P>.stride
    }
    @inline(__always) func square(_ row: UnsafeRawPointer, _ column: Int, _ valid: Int) -> SIMD8<A> {
      let p = P.load(row, column, valid, as: A.self)
      return p * p
    }
    return chunkedSum(rows: rows, columns: columns, address, square)
  }
}
