import KernelInterface

/// The AdamW step of a row of elements. Every array is read once and written once.
///
/// In Float32, 28 bytes per element are moved, which is the minimum. The bias corrections are folded into
/// `factor` and `epsilon`, so that a vector needs only one root and one quotient, which limit the speed in
/// the cache.
enum AdamWUpdate<P: TensorScalar, G: TensorScalar, A: ArithmeticScalar> {
  /// Updates parameter and moments. Returns whether every new v and every update is finite and no new element
  /// of the parameter is infinite.
  static func update(
    _ parameter: MutableElements, _ gradient: GradientPiece, moments: AdamWMoments, factors: AdamWFactors,
    change: ParameterChange
  ) -> Bool {
    let parameter = parameter.address
    // If the compiler knows that there is no average of updates, the loop keeps its constants in registers.
    var change = change
    change.momentum = nil
    let parameterWriter = ParameterWriter<P, A>(change)
    let first = UnsafeMutableRawPointer(moments.first.of(A.self))
    let second = UnsafeMutableRawPointer(moments.second.of(A.self))
    let keepsMaximum = moments.maximum != nil
    // Never read without a maximum, so any address is suitable.
    let maximum = moments.maximum.map { UnsafeMutableRawPointer($0.of(A.self)) } ?? second
    let terms = Terms(factors, scale: gradient.scale)
    @inline(__always) func step(_ offset: Int, _ valid: Int) -> SIMD8<A> {
      let g = G.load(gradient.elements.address, offset, valid, as: A.self)
      let m = terms.first(A.load(UnsafeRawPointer(first), offset, valid, as: A.self), g)
      _ = A.store(m, first, offset, valid)
      let v = terms.second(A.load(UnsafeRawPointer(second), offset, valid, as: A.self), g)
      _ = A.store(v, second, offset, valid)
      var divisor = v
      if keepsMaximum {
        divisor = lanesMaximum(v, A.load(UnsafeRawPointer(maximum), offset, valid, as: A.self))
        _ = A.store(divisor, maximum, offset, valid)
      }
      let update = terms.update(m, divisor)
      let stored = parameterWriter.store(update, in: parameter, offset, valid, momentAt: 0)
      // 0 for finite numbers and NaN for others: three operations per vector, hidden by its root and
      // quotient. Two more for the stored values took a tenth of the time. They are not needed, because no
      // finite number remains after an update that is not finite.
      let zero = (v - v) * stored
      // Without ε, the lanes after the last element are 0 / 0.
      return valid == laneCount ? zero : zero.replacingLanes(from: valid, with: 0)
    }
    if chunkedSum(gradient.columns, step) == 0 { return true }
    // Rare: the NaN may have been in the parameter before.
    return leftFinite(
      UnsafeRawPointer(parameter), gradient.columns, moments: moments, factors: factors)
  }

  /// Returns whether an update left finite moments, was itself finite, and left no infinity in the parameter.
  private static func leftFinite(
    _ parameter: UnsafeRawPointer, _ count: Int, moments: AdamWMoments, factors: AdamWFactors
  ) -> Bool {
    let first = UnsafeRawPointer(moments.first.of(A.self))
    let second = UnsafeRawPointer(moments.second.of(A.self))
    let maximum = moments.maximum.map { UnsafeRawPointer($0.of(A.self)) } ?? second
    let terms = Terms(factors, scale: 1)
    for offset in stride(from: 0, to: count, by: laneCount) {
      let valid = min(laneCount, count - offset)
      let v = A.load(second, offset, valid, as: A.self)
      let update = terms.update(
        A.load(first, offset, valid, as: A.self), A.load(maximum, offset, valid, as: A.self))
      let p = P.load(parameter, offset, valid, as: A.self)
      for lane in 0..<valid where !v[lane].isFinite || !update[lane].isFinite || p[lane].isInfinite {
        return false
      }
    }
    return true
  }

  /// Returns whether every new v and every update would be finite and no new element infinite. Nothing is
  /// written.
  static func isFinite(
    _ parameter: Elements, _ gradient: GradientPiece, moments: AdamWMoments, factors: AdamWFactors,
    shrinkage: Double
  ) -> Bool {
    let first = UnsafeRawPointer(moments.first.of(A.self))
    let second = UnsafeRawPointer(moments.second.of(A.self))
    let maximum = moments.maximum.map { UnsafeRawPointer($0.of(A.self)) }
    let terms = Terms(factors, scale: gradient.scale)
    let shrinkage = A(shrinkage)
    @inline(__always) func step(_ offset: Int, _ valid: Int) -> Preview {
      let g = G.load(gradient.elements.address, offset, valid, as: A.self)
      let m = terms.first(A.load(first, offset, valid, as: A.self), g)
      let v = terms.second(A.load(second, offset, valid, as: A.self), g)
      let divisor = maximum.map { lanesMaximum(v, A.load($0, offset, valid, as: A.self)) } ?? v
      let update = terms.update(m, divisor)
      let old = P.load(parameter.address, offset, valid, as: A.self)
      var new = old
      // Like the update: 0 times infinity would be NaN.
      if shrinkage != 0 { new -= shrinkage * new }
      new -= update
      var rounded = SIMD8<A>()
      withUnsafeMutableBytes(of: &rounded) { new = P.store(new, at: $0.baseAddress!) }
      return Preview(v: v, update: update, old: old, new: new)
    }
    @inline(__always) func zero(_ offset: Int, _ valid: Int) -> SIMD8<A> {
      let preview = step(offset, valid)
      let zero = (preview.v - preview.v) * preview.update + (preview.new - preview.new)
      return valid == laneCount ? zero : zero.replacingLanes(from: valid, with: 0)
    }
    if chunkedSum(gradient.columns, zero) == 0 { return true }
    // Rare: the NaN may already be in the parameter.
    for offset in stride(from: 0, to: gradient.columns, by: laneCount) {
      let valid = min(laneCount, gradient.columns - offset)
      let preview = step(offset, valid)
      for lane in 0..<valid where !preview.isFinite(lane) { return false }
    }
    return true
  }

  /// The values that a step would store in eight elements.
  private struct Preview {
    let v, update, old, new: SIMD8<A>

    func isFinite(_ lane: Int) -> Bool {
      v[lane].isFinite && update[lane].isFinite && (new[lane].isFinite || old[lane].isNaN)
    }
  }

  /// The numbers of a step in the arithmetic type, and the formulas for a vector of elements.
  private struct Terms {
    let scale, weight1, beta2, weight2, factor, epsilon: A

    @inline(__always) init(_ factors: AdamWFactors, scale: Double) {
      self.scale = A(scale)
      weight1 = A(1 - factors.beta1)
      beta2 = A(factors.beta2)
      weight2 = A(1 - factors.beta2)
      factor = A(factors.factor)
      epsilon = A(factors.epsilon)
    }

    /// Returns m. Not β₁ m + (1−β₁) g, because the rounded β₁ and 1−β₁ don't add up to 1, which for β₁ =
    /// 0.999 changes m by 10⁻⁵. Not m + (1−β₁)(g − m) either, which has one operation less but loses a small
    /// g if β₁ is near 0.
    @inline(__always) func first(_ old: SIMD8<A>, _ g: SIMD8<A>) -> SIMD8<A> {
      (old - weight1 * old) + weight1 * (scale * g)
    }

    @inline(__always) func second(_ old: SIMD8<A>, _ g: SIMD8<A>) -> SIMD8<A> {
      let g = scale * g
      return beta2 * old + weight2 * (g * g)
    }

    @inline(__always) func update(_ m: SIMD8<A>, _ divisor: SIMD8<A>) -> SIMD8<A> {
      factor * (m / (divisor.squareRoot() + epsilon))
    }
  }
}
