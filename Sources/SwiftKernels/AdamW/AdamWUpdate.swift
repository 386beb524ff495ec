import KernelInterface

/// The AdamW step of a row of elements: every array is read once and written once.
///
/// 28 bytes an element move in Float32, the least there is. Per vector there are one root and one quotient, which bound
/// its speed in the cache: the bias corrections are folded into `factor` and `epsilon`.
enum AdamWUpdate<P: TensorScalar, G: TensorScalar, A: ArithmeticScalar> {
  /// Updates parameter and moments; returns whether every new v and every update is finite, and no new element of the
  /// parameter infinite.
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
      // 0 for finite numbers and NaN for others: three operations per vector, hidden by its root and quotient. Two more, for
      // what is stored, took a tenth of the time. They are not needed: an update that is not finite leaves no finite number.
      let zero = (v - v) * stored
      // Without ε the lanes after the last element are 0 / 0.
      return valid == laneCount ? zero : zero.replacingLanes(from: valid, with: 0)
    }
    if chunkedSum(gradient.columns, step) == 0 { return true }
    // Rare: it may be a NaN that was in the parameter before.
    return leftFinite(
      UnsafeRawPointer(parameter), gradient.columns, moments: moments, factors: factors)
  }

  /// Whether an update left finite moments, was finite itself, and left no infinity in the parameter.
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

  /// Whether every new v and every update would be finite, and no new element infinite; nothing is written.
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
      // As the update does: 0 times an infinity would be NaN.
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
    // Rare: it may be a NaN that is in the parameter already.
    for offset in stride(from: 0, to: gradient.columns, by: laneCount) {
      let valid = min(laneCount, gradient.columns - offset)
      let preview = step(offset, valid)
      for lane in 0..<valid where !preview.isFinite(lane) { return false }
    }
    return true
  }

  /// The values that a step would give eight elements.
  private struct Preview {
    let v, update, old, new: SIMD8<A>

    func isFinite(_ lane: Int) -> Bool {
      v[lane].isFinite && update[lane].isFinite && (new[lane].isFinite || old[lane].isNaN)
    }
  }

  /// The numbers of a step in the arithmetic type, and the formulas of a vector of elements.
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

    /// m. Not β₁ m + (1−β₁) g: the rounded β₁ and 1−β₁ don't add up to 1, which for β₁ = 0.999 shifts m by 10⁻⁵. Nor
    /// m + (1−β₁)(g − m), one operation less, which loses a small g for β₁ near 0.
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
