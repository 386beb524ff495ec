import KernelInterface

/// The AdamW step of a row of elements: every array is read once and written once.
///
/// 28 bytes an element move in Float32, the least there is. Per vector there are one root and one quotient, which bound
/// its speed in the cache: the bias corrections are folded into `factor` and `epsilon`.
enum AdamWUpdate<P: TensorScalar, G: TensorScalar, A: ArithmeticScalar> {
  /// Updates parameter and moments; returns whether every new v and every update is finite.
  static func update(
    _ parameter: MutableElements, _ gradient: GradientPiece, moments: AdamWMoments, factors: AdamWFactors,
    change: ParameterChange
  ) -> Bool {
    let parameter = parameter.address
    // Known to the compiler to have no average of updates, the loop keeps its constants in registers.
    var change = change
    change.momentum = nil
    let parameterWriter = ParameterWriter<P, A>(change)
    let first = UnsafeMutableRawPointer(moments.first.of(A.self))
    let second = UnsafeMutableRawPointer(moments.second.of(A.self))
    let keepsMaximum = moments.maximum != nil
    // Never read without a maximum; any address will do.
    let maximum = moments.maximum.map { UnsafeMutableRawPointer($0.of(A.self)) } ?? second
    let scale = A(gradient.scale)
    let weight1 = A(1 - factors.beta1)
    let beta2 = A(factors.beta2)
    let weight2 = A(1 - factors.beta2)
    let factor = A(factors.factor)
    let epsilon = A(factors.epsilon)
    @inline(__always) func step(_ offset: Int, _ valid: Int) -> SIMD8<A> {
      let g = scale * G.load(gradient.elements.address, offset, valid, as: A.self)
      let oldFirst = A.load(UnsafeRawPointer(first), offset, valid, as: A.self)
      // Not β₁ m + (1−β₁) g: the rounded β₁ and 1−β₁ don't add up to 1, which for β₁ = 0.999 shifts m by 10⁻⁵. Nor
      // m + (1−β₁)(g − m), one operation less, which loses a small g for β₁ near 0.
      let m = (oldFirst - weight1 * oldFirst) + weight1 * g
      _ = A.store(m, first, offset, valid)
      let oldSecond = A.load(UnsafeRawPointer(second), offset, valid, as: A.self)
      let v = beta2 * oldSecond + weight2 * (g * g)
      _ = A.store(v, second, offset, valid)
      var divisor = v
      if keepsMaximum {
        divisor = lanesMaximum(v, A.load(UnsafeRawPointer(maximum), offset, valid, as: A.self))
        _ = A.store(divisor, maximum, offset, valid)
      }
      let update = factor * (m / (divisor.squareRoot() + epsilon))
      _ = parameterWriter.apply(update, to: parameter, offset, valid, momentAt: 0)
      // 0 for finite numbers and NaN for others: three operations per vector, hidden by its root and quotient.
      let zero = (v - v) * update
      // Without ε the lanes after the last element are 0 / 0.
      return valid == laneCount ? zero : zero.replacingLanes(from: valid, with: 0)
    }
    return chunkedSum(gradient.columns, step) == 0
  }
}
