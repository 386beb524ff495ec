import KernelInterface

/// The step of tensors that are not factored, with a second moment v for every element.
///
/// v is computed for the statistics without storing it, and computed again in the update. This way, nothing
/// is committed before the update is accepted, and nothing is allocated. 28 bytes per element are moved
/// either way.
enum ElementUpdate<P: TensorScalar, G: TensorScalar, A: ArithmeticScalar> {
  /// P ← P − α·weightDecay·P − factor · g / √v. Returns Σ p² of the stored values.
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
  /// Returns Σ g² / v, or NaN if a new v is not finite.
  static func sum(_ gradient: GradientPiece, average: MomentAverage, moments: Elements) -> Double {
    let moments = UnsafeRawPointer(moments.of(A.self))
    let step = MovingAverage<A>(average)
    let scale = SIMD8<A>(repeating: A(gradient.scale))
    @inline(__always) func squaredUpdates(_ offset: Int, _ valid: Int) -> SIMD8<A> {
      let g = scale * G.load(gradient.elements.address, offset, valid, as: A.self)
      let old = A.load(moments, offset, valid, as: A.self)
      let square = g * g
      // Lanes after the last element are 0 / v, and v is at least its floor unless ε is 0.
      let moment = step.updated(old, sum: square)
      let quotient = square / (valid == laneCount ? moment : moment.replacingLanes(from: valid, with: 1))
      // Adds 0, or NaN for an infinite v, whose quotient would be 0.
      return quotient + (moment - moment)
    }
    return chunkedSum(gradient.columns, squaredUpdates)
  }
}
