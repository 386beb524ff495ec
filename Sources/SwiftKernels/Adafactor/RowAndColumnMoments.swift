import Kernels

/// Row and column second moments of a piece: the first read of the gradient.
enum RowAndColumnMoments<G: StoredScalar, A: Arithmetic> {
  /// Rᵢ ← β Rᵢ + (1−β)(Σⱼ g²ᵢⱼ / n + ε).
  static func rowMoments(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements
  ) {
    let old = old.of(A.self)
    let new = new.of(A.self)
    let step = MovingAverage<A>(average)
    for row in 0..<gradient.rows {
      let squares = sumOfSquares(gradient, row: row)
      new[row] = step.updated(old[row], sum: squares)
    }
  }

  /// Σⱼ g²ᵢⱼ of one row: in lanes over at most `elementsPerSum` elements, in Double over those.
  @inline(__always)
  static func sumOfSquares(_ gradient: GradientPiece, row: Int) -> Double {
    let scale = SIMD8<A>(repeating: A(gradient.scale))
    let base = gradient.elements.address + row &* gradient.stride &* MemoryLayout<G>.stride
    @inline(__always) func square(_ column: Int, _ valid: Int) -> SIMD8<A> {
      let g = scale * G.load(base, column, valid, as: A.self)
      return g * g
    }
    return chunkedSum(gradient.columns, square)
  }

  /// Cⱼ ← β Cⱼ + (1−β)(Σᵢ g²ᵢⱼ / n + ε), for a panel with every row.
  static func columnMoments(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements
  ) {
    let step = MovingAverage<A>(average)
    let old = old.of(A.self)
    let new = new.of(A.self)
    let scale = SIMD8<A>(repeating: A(gradient.scale))
    let rowBytes = gradient.stride &* MemoryLayout<G>.stride
    @inline(__always) func update(_ column: Int, _ valid: Int) {
      var total = SIMD8<A>()
      var row = 0
      while row < gradient.rows {
        // A sum over many rows drifts: groups of rowsPerColumnSum are summed on their own.
        let end = min(row &+ KernelLimits.rowsPerColumnSum, gradient.rows)
        var squares = SIMD8<A>()
        while row < end {
          let g = scale * G.load(gradient.elements.address + row &* rowBytes, column, valid, as: A.self)
          squares += g * g
          row &+= 1
        }
        total += squares
      }
      let moments = A.load(UnsafeRawPointer(old), column, valid, as: A.self)
      _ = A.store(step.updated(moments, sum: total), UnsafeMutableRawPointer(new), column, valid)
    }
    forEachVector(gradient.columns, update)
  }

  /// Adds Σᵢ g²ᵢⱼ to `sums`ⱼ and Σᵢ g²ᵢⱼ / Rᵢ to `weightedSums`ⱼ.
  ///
  /// Four rows at a time, so that both sums are loaded and stored once for the four.
  static func accumulateColumns(
    _ gradient: GradientPiece, rowMoments: Elements, sums: MutableElements, weightedSums: MutableElements
  ) {
    let rowMoments = rowMoments.of(A.self)
    let scale = SIMD8<A>(repeating: A(gradient.scale))
    let rowBytes = gradient.stride &* MemoryLayout<G>.stride
    let sums = UnsafeMutableRawPointer(sums.of(A.self))
    let weightedSums = UnsafeMutableRawPointer(weightedSums.of(A.self))
    var row = 0
    while row &+ 4 <= gradient.rows {
      let base = gradient.elements.address + row &* rowBytes
      let inverse0 = SIMD8<A>(repeating: 1 / rowMoments[row])
      let inverse1 = SIMD8<A>(repeating: 1 / rowMoments[row &+ 1])
      let inverse2 = SIMD8<A>(repeating: 1 / rowMoments[row &+ 2])
      let inverse3 = SIMD8<A>(repeating: 1 / rowMoments[row &+ 3])
      @inline(__always) func addRows(_ column: Int, _ valid: Int) {
        let g0 = scale * G.load(base, column, valid, as: A.self)
        let g1 = scale * G.load(base + rowBytes, column, valid, as: A.self)
        let g2 = scale * G.load(base + 2 &* rowBytes, column, valid, as: A.self)
        let g3 = scale * G.load(base + 3 &* rowBytes, column, valid, as: A.self)
        let q0 = g0 * g0
        let q1 = g1 * g1
        let q2 = g2 * g2
        let q3 = g3 * g3
        add((q0 + q1) + (q2 + q3), to: sums, column, valid)
        add(
          (q0 * inverse0 + q1 * inverse1) + (q2 * inverse2 + q3 * inverse3), to: weightedSums, column, valid)
      }
      forEachVector(gradient.columns, addRows)
      row &+= 4
    }
    while row < gradient.rows {
      let base = gradient.elements.address + row &* rowBytes
      let inverse = SIMD8<A>(repeating: 1 / rowMoments[row])
      @inline(__always) func addRow(_ column: Int, _ valid: Int) {
        let g = scale * G.load(base, column, valid, as: A.self)
        let square = g * g
        add(square, to: sums, column, valid)
        add(square * inverse, to: weightedSums, column, valid)
      }
      forEachVector(gradient.columns, addRow)
      row &+= 1
    }
  }

  /// Adds Σⱼ g²ᵢⱼ to `sums`ᵢ and Σⱼ g²ᵢⱼ / Cⱼ to `weightedSums`ᵢ.
  static func accumulateRows(
    _ gradient: GradientPiece, columnMoments: Elements, sums: UnsafeMutablePointer<Double>,
    weightedSums: UnsafeMutablePointer<Double>
  ) {
    let columnMoments = columnMoments.of(A.self)
    let scale = SIMD8<A>(repeating: A(gradient.scale))
    for row in 0..<gradient.rows {
      let base = gradient.elements.address + row &* gradient.stride &* MemoryLayout<G>.stride
      sums[row] += sumOfSquares(gradient, row: row)
      @inline(__always) func quotient(_ column: Int, _ valid: Int) -> SIMD8<A> {
        let g = scale * G.load(base, column, valid, as: A.self)
        let moments = A.load(UnsafeRawPointer(columnMoments), column, valid, as: A.self)
        // Lanes behind the last column hold 0 / 1 instead of 0 / 0.
        return g * g / (valid == laneCount ? moments : moments.replacingLanes(from: valid, with: 1))
      }
      weightedSums[row] += chunkedSum(gradient.columns, quotient)
    }
  }

  @inline(__always)
  private static func add(_ terms: SIMD8<A>, to base: UnsafeMutableRawPointer, _ offset: Int, _ valid: Int) {
    let sum = A.load(UnsafeRawPointer(base), offset, valid, as: A.self) + terms
    _ = A.store(sum, base, offset, valid)
  }
}
