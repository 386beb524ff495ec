import KernelInterface

/// The computations between statistics and update, on O(rows + columns) numbers.
enum FinishedMoments<A: ArithmeticScalar> {
  /// new ← β old + (1−β)(sums / n + ε). Returns Σ weightedSums / new.
  static func finish(
    average: MomentAverage, old: Elements, new: MutableElements, sums: UnsafePointer<Double>,
    weightedSums: UnsafePointer<Double>, count: Int
  ) -> Double {
    let old = old.of(A.self)
    let new = new.of(A.self)
    let step = MovingAverage<A>(average)
    var total = 0.0
    for index in 0..<count {
      let moment = step.updated(old[index], sum: sums[index])
      new[index] = moment
      total += weightedSums[index] / Double(moment)
    }
    return total
  }

  /// Returns Σ x.
  static func sum(_ moments: Elements, count: Int) -> Double {
    let moments = UnsafeRawPointer(moments.of(A.self))
    @inline(__always) func moment(_ offset: Int, _ valid: Int) -> SIMD8<A> {
      A.load(moments, offset, valid, as: A.self)
    }
    return chunkedSum(count, moment)
  }

  /// Returns Σ 1 / x.
  static func inverseSum(_ moments: Elements, count: Int) -> Double {
    let moments = UnsafeRawPointer(moments.of(A.self))
    @inline(__always) func inverse(_ offset: Int, _ valid: Int) -> SIMD8<A> {
      let moments = A.load(moments, offset, valid, as: A.self)
      return 1 / (valid == laneCount ? moments : moments.replacingLanes(from: valid, with: .infinity))
    }
    return chunkedSum(count, inverse)
  }

  /// out ← factor / √moments.
  ///
  /// This is a quotient because a product with 1 / √moments would be rounded once more.
  static func reciprocalRoots(
    _ moments: Elements, factor: Double, count: Int, into out: MutableElements
  ) {
    let moments = UnsafeRawPointer(moments.of(A.self))
    let out = UnsafeMutableRawPointer(out.of(A.self))
    let factor = A(factor)
    @inline(__always) func divide(_ offset: Int, _ valid: Int) {
      let moments = A.load(moments, offset, valid, as: A.self)
      _ = A.store(factor / moments.squareRoot(), out, offset, valid)
    }
    forEachVector(count, divide)
  }
}
