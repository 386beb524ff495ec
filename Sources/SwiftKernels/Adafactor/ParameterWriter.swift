import KernelInterface

/// Applies an update of eight elements to a parameter: weight decay, momentum, rounding to nearest.
///
/// ``TiledUpdate`` does the other roundings.
///
/// For each unused part, a run has a branch that is always taken. A copy of each kernel for every combination
/// took four times as long to compile. The common case, without weight decay and momentum, has its own
/// function.
struct ParameterWriter<P: TensorScalar, A: ArithmeticScalar> {
  let shrinks: Bool
  let averages: Bool
  let shrinkage: A
  let beta1: A
  let oneMinusBeta1: A
  let moments: UnsafeMutableRawPointer

  @inline(__always)
  init(_ change: ParameterChange) {
    shrinks = change.shrinkage != 0
    averages = change.momentum != nil
    shrinkage = A(change.shrinkage)
    beta1 = A(change.momentum?.beta1 ?? 0)
    oneMinusBeta1 = A(1 - (change.momentum?.beta1 ?? 0))
    // Never read without momentum, so any address is suitable.
    moments = change.momentum?.moments.address ?? UnsafeMutableRawPointer(bitPattern: 8)!
  }

  /// Whether an update is only subtracted.
  @inline(__always)
  var onlySubtracts: Bool { !shrinks && !averages }

  /// Stores the new values of eight elements of `parameter` if it `onlySubtracts`. Returns the squares of the
  /// stored values.
  @inline(__always)
  func subtract(
    _ update: SIMD8<A>, from parameter: UnsafeMutableRawPointer, _ offset: Int, _ valid: Int
  ) -> SIMD8<A> {
    let old = P.load(UnsafeRawPointer(parameter), offset, valid, as: A.self)
    let stored = P.store(old - update, parameter, offset, valid)
    return stored * stored
  }

  /// Stores the new values of eight elements of `parameter`, and their momentum. Returns the squares of the
  /// stored values.
  ///
  /// - Parameter momentAt: The offset of `parameter`'s first element in the momentum.
  @inline(__always)
  func apply(
    _ update: SIMD8<A>, to parameter: UnsafeMutableRawPointer, _ offset: Int, _ valid: Int,
    momentAt start: Int
  ) -> SIMD8<A> {
    let stored = store(update, in: parameter, offset, valid, momentAt: start)
    return stored * stored
  }

  /// Stores the same values as `apply`, but returns them instead of their squares.
  @inline(__always)
  func store(
    _ update: SIMD8<A>, in parameter: UnsafeMutableRawPointer, _ offset: Int, _ valid: Int,
    momentAt start: Int
  ) -> SIMD8<A> {
    var update = update
    if averages {
      let old = A.load(UnsafeRawPointer(moments), start &+ offset, valid, as: A.self)
      update = beta1 * old + oneMinusBeta1 * update
      _ = A.store(update, moments, start &+ offset, valid)
    }
    var value = P.load(UnsafeRawPointer(parameter), offset, valid, as: A.self)
    if shrinks {
      value -= shrinkage * value
    }
    value -= update
    return P.store(value, parameter, offset, valid)
  }

  /// Stores the new values of elements `offset`, `offset` + `stride`, …, one per lane, and their momentum.
  @inline(__always)
  func applyToLanes(
    _ update: SIMD8<A>, of parameter: UnsafeMutableRawPointer, _ offset: Int, stride: Int, _ count: Int
  ) {
    var update = update
    if averages {
      let old = A.lanes(moments, offset, stride: stride, count, as: A.self)
      update = beta1 * old + oneMinusBeta1 * update
      A.storeLanes(update, moments, offset, stride: stride, count)
    }
    var value = P.lanes(parameter, offset, stride: stride, count, as: A.self)
    if shrinks { value -= shrinkage * value }
    P.storeLanes(value - update, parameter, offset, stride: stride, count)
  }
}
