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
    // A row of a panel is short: what comes next is the row below.
    let isPanel = gradient.columns < gradient.stride
    let gradientAhead = isPanel ? gradient.stride &* MemoryLayout<G>.stride : prefetchDistance
    let parameterAhead = isPanel ? gradient.stride &* MemoryLayout<P>.stride : prefetchDistance
    @inline(__always) func prefetchNext(_ row: Int, _ column: Int) {
      let index = row &* gradient.stride &+ column
      prefetch(gradient.elements.address + (index &* MemoryLayout<G>.stride &+ gradientAhead))
      prefetch(parameter + (index &* MemoryLayout<P>.stride &+ parameterAhead))
    }
    @inline(__always) func prefetchAndSubtract(_ row: Int, _ column: Int, _ valid: Int) -> SIMD8<A> {
      prefetchNext(row, column)
      return subtract(row, column, valid)
    }
    @inline(__always) func prefetchAndApply(_ row: Int, _ column: Int, _ valid: Int) -> SIMD8<A> {
      prefetchNext(row, column)
      return rule.apply(
        update(row, column, valid), to: address(row), column, valid, momentAt: row &* gradient.stride)
    }
    // Without the branches of the last, the others take little more than half the time in the cache, where asking
    // ahead would cost a tenth.
    let (rows, columns) = (gradient.rows, gradient.columns)
    if !rule.onlySubtracts { return chunkedSum(rows: rows, columns: columns, prefetchAndApply) }
    return isPanel || rows &* columns > BlockPartition.blockElements
      ? chunkedSum(rows: rows, columns: columns, prefetchAndSubtract)
      : chunkedSum(rows: rows, columns: columns, subtract)
  }
}
