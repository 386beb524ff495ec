import Kernels

/// The first read of the gradient, by panels of columns with every row: new C, and what R and Σ u² are made of.
///
/// Some columns at a time, all rows of which the first-level cache holds while they are summed both ways.
enum PanelStatistics<G: StoredScalar, A: Arithmetic> {
  /// Cⱼ ← β Cⱼ + (1−β)(Σᵢ g²ᵢⱼ / n + ε) for the columns of the panel; then adds Σⱼ g²ᵢⱼ to `sums`ᵢ and Σⱼ g²ᵢⱼ / Cⱼ to
  /// `weightedSums`ᵢ.
  static func accumulate(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements,
    sums: UnsafeMutablePointer<Double>, weightedSums: UnsafeMutablePointer<Double>
  ) {
    let columns = PanelColumns<G, A>(gradient, average: average, old: old, new: new)
    let length = KernelLimits.elementsPerSum
    withUnsafeTemporaryAllocation(of: A.self, capacity: length) { inverses in
      let inverses = UnsafeMutableRawPointer(inverses.baseAddress!)
      for start in stride(from: 0, to: gradient.columns, by: length) {
        let range = start..<min(start &+ length, gradient.columns)
        columns.update(range, inverses: inverses)
        for row in 0..<gradient.rows {
          let base = columns.address(ofRow: row)
          var (sum, oddSum) = (SIMD8<A>(), SIMD8<A>())
          var (weighted, oddWeighted) = (SIMD8<A>(), SIMD8<A>())
          @inline(__always) func add(_ column: Int, _ valid: Int) {
            let g = columns.scale * G.load(base, column, valid, as: A.self)
            let square = g * g
            (sum, oddSum) = (oddSum, sum + square)
            let inverse = A.load(UnsafeRawPointer(inverses), column &- start, valid, as: A.self)
            (weighted, oddWeighted) = (oddWeighted, weighted + square * inverse)
          }
          forEachVector(range, add)
          sums[row] += Double((sum + oddSum).laneSum)
          weightedSums[row] += Double((weighted + oddWeighted).laneSum)
        }
      }
    }
  }

  /// Cⱼ alone, with the bits that `accumulate` gives.
  static func columnMoments(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements
  ) {
    PanelColumns<G, A>(gradient, average: average, old: old, new: new)
      .update(0..<gradient.columns, inverses: nil)
  }
}

/// The columns of a panel.
private struct PanelColumns<G: StoredScalar, A: Arithmetic> {
  let gradient: GradientPiece
  let scale: SIMD8<A>
  let average: MovingAverage<A>
  let old: UnsafeRawPointer
  let new: UnsafeMutableRawPointer

  @inline(__always)
  init(_ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements) {
    self.gradient = gradient
    scale = SIMD8(repeating: A(gradient.scale))
    self.average = MovingAverage(average)
    self.old = UnsafeRawPointer(old.of(A.self))
    self.new = UnsafeMutableRawPointer(new.of(A.self))
  }

  @inline(__always)
  func address(ofRow row: Int) -> UnsafeRawPointer {
    gradient.elements.address + row &* gradient.stride &* MemoryLayout<G>.stride
  }

  /// New C of some columns, and 1 / C from `inverses` on.
  @inline(__always)
  func update(_ columns: Range<Int>, inverses: UnsafeMutableRawPointer?) {
    let rowsPerSum = KernelLimits.rowsPerColumnSum
    @inline(__always) func update(_ column: Int, _ valid: Int) {
      var total = SIMD8<A>()
      var row = 0
      while row < gradient.rows {
        // A sum over many rows drifts: groups of rowsPerColumnSum are summed on their own.
        let end = min(row &+ rowsPerSum, gradient.rows)
        var squares = SIMD8<A>()
        while row < end {
          let g = scale * G.load(address(ofRow: row), column, valid, as: A.self)
          squares += g * g
          row &+= 1
        }
        total += squares
      }
      let moments = average.updated(A.load(old, column, valid, as: A.self), sum: total)
      _ = A.store(moments, new, column, valid)
      if let inverses {
        _ = A.store(1 / moments, inverses, column &- columns.lowerBound, valid)
      }
    }
    forEachVector(columns, update)
  }
}
