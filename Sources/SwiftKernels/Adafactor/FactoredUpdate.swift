import KernelInterface

/// The second and last read of the gradient: P ← P − α·weightDecay·P − A(B G).
enum FactoredUpdate<P: TensorScalar, G: TensorScalar, A: ArithmeticScalar> {
  /// Updates a piece and returns Σ p² of the stored values.
  static func update(
    _ parameter: MutableElements, _ gradient: GradientPiece, rowFactors: Elements, columnFactors: Elements,
    change: ParameterChange
  ) -> Double {
    if P.self == BFloat16.self && G.self == BFloat16.self && change.momentum == nil,
      let pairs = BFloat16Update(
        parameter, gradient, rowFactors: rowFactors.of(Float.self),
        columnFactors: columnFactors.of(Float.self), shrinkage: change.shrinkage)
    {
      return pairs.update()
    }
    if isNarrow(rows: gradient.rows, columns: gradient.columns, stride: gradient.stride) {
      NarrowRows<G, A>.update(
        parameter, of: P.self, gradient, rowFactors: rowFactors, columnFactors: columnFactors, change: change)
      return SumOfSquares<P, A>.sum(
        parameter.reading, rows: gradient.rows, columns: gradient.columns, stride: gradient.stride)
    }
    let parameter = parameter.address
    let columnFactors = UnsafeRawPointer(columnFactors.of(A.self))
    let writer = ParameterWriter<P, A>(change)
    let scale = SIMD8<A>(repeating: A(gradient.scale))
    let rowFactors = rowFactors.of(A.self)
    @inline(__always) func row(_ index: Int) -> Row {
      let start = index &* gradient.stride
      return Row(
        factor: SIMD8(repeating: rowFactors[index]),
        gradient: gradient.elements.address + start &* MemoryLayout<G>.stride,
        parameter: parameter + start &* MemoryLayout<P>.stride, start: start)
    }
    // aᵢ (bⱼ gᵢⱼ), because the product aᵢ bⱼ can overflow and bⱼ gᵢⱼ cannot.
    @inline(__always) func update(_ row: Row, _ column: Int, _ valid: Int) -> SIMD8<A> {
      let scaled = scale * G.load(row.gradient, column, valid, as: A.self)
      return row.factor * (A.load(columnFactors, column, valid, as: A.self) * scaled)
    }
    @inline(__always) func subtract(_ row: Row, _ column: Int, _ valid: Int) -> SIMD8<A> {
      writer.subtract(update(row, column, valid), from: row.parameter, column, valid)
    }
    // A row of a panel is short: the next elements are in the row below.
    let isPanel = gradient.columns < gradient.stride
    let gradientAhead = isPanel ? gradient.stride &* MemoryLayout<G>.stride : prefetchDistance
    let parameterAhead = isPanel ? gradient.stride &* MemoryLayout<P>.stride : prefetchDistance
    @inline(__always) func prefetchNext(_ row: Row, _ column: Int) {
      prefetch(row.gradient + (column &* MemoryLayout<G>.stride &+ gradientAhead))
      prefetch(row.parameter + (column &* MemoryLayout<P>.stride &+ parameterAhead))
    }
    @inline(__always) func prefetchAndSubtract(_ row: Row, _ column: Int, _ valid: Int) -> SIMD8<A> {
      prefetchNext(row, column)
      return subtract(row, column, valid)
    }
    @inline(__always) func prefetchAndApply(_ row: Row, _ column: Int, _ valid: Int) -> SIMD8<A> {
      prefetchNext(row, column)
      return writer.apply(
        update(row, column, valid), to: row.parameter, column, valid, momentAt: row.start)
    }
    // Without the branches of the last case, the other cases take little more than half the time in the
    // cache. Prefetching would cost them a tenth.
    let (rows, columns) = (gradient.rows, gradient.columns)
    if !writer.onlySubtracts { return chunkedSum(rows: rows, columns: columns, row, prefetchAndApply) }
    return gradient.mayComeFromMemory
      ? chunkedSum(rows: rows, columns: columns, row, prefetchAndSubtract)
      : chunkedSum(rows: rows, columns: columns, row, subtract)
  }

  /// The values that all elements of a row share.
  private struct Row {
    let factor: SIMD8<A>
    let gradient: UnsafeRawPointer
    let parameter: UnsafeMutableRawPointer
    /// The number of elements before the row.
    let start: Int
  }
}
