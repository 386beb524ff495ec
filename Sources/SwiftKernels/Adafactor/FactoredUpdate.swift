import CProcessor
import Kernels

/// The second and last read of the gradient: P ← P − α·weightDecay·P − A(B G).
enum FactoredUpdate<P: StoredScalar, G: StoredScalar, A: Arithmetic> {
  /// Updates a piece and returns Σ p² of the values stored.
  static func update(
    _ parameter: MutableElements, _ gradient: GradientPiece, rowFactors: Elements, columnFactors: Elements,
    change: ParameterChange
  ) -> Double {
    if P.self == BFloat16.self && G.self == BFloat16.self && change.momentum == nil,
      let pairs = BFloat16Update(
        parameter, gradient, rowFactors: rowFactors.of(Float.self),
        columnFactors: columnFactors.of(Float.self))
    {
      return pairs.update(shrinkage: Float(change.shrinkage))
    }
    let parameter = parameter.address
    let rowFactors = rowFactors.of(A.self)
    let columnFactors = UnsafeRawPointer(columnFactors.of(A.self))
    let rule = ParameterRule<P, A>(change)
    let scale = SIMD8<A>(repeating: A(gradient.scale))
    // aᵢ (bⱼ gᵢⱼ): the product aᵢ bⱼ can overflow, bⱼ gᵢⱼ cannot.
    @inline(__always) func update(_ row: Int, _ column: Int, _ valid: Int) -> SIMD8<A> {
      let g = gradient.elements.address + row &* gradient.stride &* MemoryLayout<G>.stride
      let scaled = scale * G.load(g, column, valid, as: A.self)
      return rowFactors[row] * (A.load(columnFactors, column, valid, as: A.self) * scaled)
    }
    @inline(__always) func address(_ row: Int) -> UnsafeMutableRawPointer {
      parameter + row &* gradient.stride &* MemoryLayout<P>.stride
    }
    @inline(__always) func subtract(_ row: Int, _ column: Int, _ valid: Int) -> SIMD8<A> {
      rule.subtract(update(row, column, valid), from: address(row), column, valid)
    }
    // A row of a panel is short: what comes next is elsewhere in memory, where the processor does not look by itself.
    @inline(__always) func subtractInPanel(_ row: Int, _ column: Int, _ valid: Int) -> SIMD8<A> {
      let next = (row &+ 1) &* gradient.stride &+ column
      processor_prefetch(gradient.elements.address + next &* MemoryLayout<G>.stride)
      processor_prefetch(parameter + next &* MemoryLayout<P>.stride)
      return subtract(row, column, valid)
    }
    @inline(__always) func apply(_ row: Int, _ column: Int, _ valid: Int) -> SIMD8<A> {
      rule.apply(
        update(row, column, valid), to: address(row), column, valid, momentAt: row &* gradient.stride)
    }
    // Without the branches of the last, the others take little more than half the time in the cache.
    let (rows, columns) = (gradient.rows, gradient.columns)
    if !rule.onlySubtracts { return chunkedSum(rows: rows, columns: columns, apply) }
    return columns < gradient.stride
      ? chunkedSum(rows: rows, columns: columns, subtractInPanel)
      : chunkedSum(rows: rows, columns: columns, subtract)
  }
}
