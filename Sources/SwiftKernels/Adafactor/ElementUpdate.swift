import KernelInterface

/// The step of tensors that are not factored: a second moment v for every element.
///
/// v is computed in the statistics, not stored, and computed again in the update: nothing is committed before the
/// update is accepted, nothing is allocated, and 28 bytes an element move either way.
enum ElementUpdate<P: TensorScalar, G: TensorScalar, A: ArithmeticScalar> {
  /// P ← P − α·weightDecay·P − factor · g / √v; returns Σ p² of the values stored.
  static func update(
    _ parameter: MutableElements, _ gradient: GradientPiece, average: MomentAverage, moments: MutableElements,
    factor: Double, change: ParameterChange
  ) -> Double {
    let parameter = parameter.address
    let moments = UnsafeMutableRawPointer(moments.of(A.self))
    let writer = ParameterWriter<P, A>(change)
    let step = MovingAverage<A>(average)
    let scale = SIMD8<A>(repeating: A(gradient.scale))
    let factor = A(factor)
    @inline(__always) func squaresAfter(_ offset: Int, _ valid: Int) -> SIMD8<A> {
      let g = scale * G.load(gradient.elements.address, offset, valid, as: A.self)
      let old = A.load(UnsafeRawPointer(moments), offset, valid, as: A.self)
      let moment = step.updated(old, sum: g * g)
      _ = A.store(moment, moments, offset, valid)
      return writer.apply(factor * (g / moment.squareRoot()), to: parameter, offset, valid, momentAt: 0)
    }
    return chunkedSum(gradient.columns, squaresAfter)
  }
}

/// The statistics of tensors that are not factored.
enum ElementStatistics<G: TensorScalar, A: ArithmeticScalar> {
  /// Σ g² / v; NaN if a new v is not finite.
  static func sum(_ gradient: GradientPiece, average: MomentAverage, moments: Elements) -> Double {
    let moments = UnsafeRawPointer(moments.of(A.self))
    let step = MovingAverage<A>(average)
    let scale = SIMD8<A>(repeating: A(gradient.scale))
    @inline(__always) func squaredUpdates(_ offset: Int, _ valid: Int) -> SIMD8<A> {
      let g = scale * G.load(gradient.elements.address, offset, valid, as: A.self)
      let old = A.load(moments, offset, valid, as: A.self)
      let square = g * g
      // Lanes behind the last element are 0 / v, where v holds at least its floor unless ε is 0.
      let moment = step.updated(old, sum: square)
      let quotient = square / (valid == laneCount ? moment : moment.replacingLanes(from: valid, with: 1))
      // Plus 0, or NaN for an infinite v: its quotient would be 0.
      return quotient + (moment - moment)
    }
    return chunkedSum(gradient.columns, squaredUpdates)
  }
}
