import KernelInterface
import RealModule

/// Operations on one element at a time, in pure Swift, written once for both scalar types.
///
/// Vectors are explicit, because the compiler guards its own by a test for overlap, which an update in place
/// fails.
enum ElementwiseInSwift<Scalar: ArithmeticScalar & Real> {
  static func combine(
    _ operation: ElementwiseOperation, _ x: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>, count: Int,
    into out: UnsafeMutablePointer<Scalar>
  ) {
    combine(operation, count: count, { load(x, $0, count) }, { load(y, $0, count) }, into: out)
  }

  static func combine(
    _ operation: ElementwiseOperation, _ x: UnsafePointer<Scalar>, scalar y: Scalar, count: Int,
    into out: UnsafeMutablePointer<Scalar>
  ) {
    let y = SIMD8<Scalar>(repeating: y)
    combine(operation, count: count, { load(x, $0, count) }, { _ in y }, into: out)
  }

  static func combine(
    _ operation: ElementwiseOperation, scalar x: Scalar, _ y: UnsafePointer<Scalar>, count: Int,
    into out: UnsafeMutablePointer<Scalar>
  ) {
    let x = SIMD8<Scalar>(repeating: x)
    combine(operation, count: count, { _ in x }, { load(y, $0, count) }, into: out)
  }

  static func apply(
    _ function: ElementwiseFunction, to x: UnsafePointer<Scalar>, count: Int,
    into out: UnsafeMutablePointer<Scalar>
  ) {
    switch function {
    case .relu:
      for i in 0..<count { out[i] = x[i] < 0 ? 0 : x[i] }
    case .exp:
      for i in 0..<count { out[i] = .exp(x[i]) }
    case .sign:
      for i in 0..<count { out[i] = x[i] > 0 ? 1 : x[i] < 0 ? -1 : x[i] }
    case .magnitude:
      for i in 0..<count { out[i] = x[i].magnitude }
    case .squareRoot:
      for i in 0..<count { out[i] = x[i].squareRoot() }
    }
  }

  // The loops here and in `apply` are plain: the library compares SIMD vectors lane by lane, which takes
  // forty times as long.
  static func mask(
    _ x: UnsafePointer<Scalar>, wherePositive y: UnsafePointer<Scalar>, count: Int,
    into out: UnsafeMutablePointer<Scalar>
  ) {
    for i in 0..<count { out[i] = y[i] <= 0 ? 0 : x[i] }
  }

  static func logSoftmax(
    _ x: UnsafePointer<Scalar>, rows: Int, columns: Int, into out: UnsafeMutablePointer<Scalar>
  ) {
    for i in 0..<rows {
      let (row, result) = (x + i * columns, out + i * columns)
      var largest = -Scalar.infinity
      for j in 0..<columns where row[j] > largest { largest = row[j] }
      var sum: Scalar = 0
      for j in 0..<columns { sum += .exp(row[j] - largest) }
      let logSum = Scalar.log(sum)
      for j in 0..<columns { result[j] = (row[j] - largest) - logSum }
    }
  }

  @inline(__always)
  private static func combine(
    _ operation: ElementwiseOperation, count: Int,
    _ x: (Int) -> SIMD8<Scalar>, _ y: (Int) -> SIMD8<Scalar>, into out: UnsafeMutablePointer<Scalar>
  ) {
    switch operation {
    case .add: forEachEight(count: count, into: out) { x($0) + y($0) }
    case .subtract: forEachEight(count: count, into: out) { x($0) - y($0) }
    case .multiply: forEachEight(count: count, into: out) { x($0) * y($0) }
    case .divide: forEachEight(count: count, into: out) { x($0) / y($0) }
    }
  }

  /// Stores `body(i)`, the values of elements i to i + 7, for every eighth i. The last vector is stored only
  /// in part.
  @inline(__always)
  private static func forEachEight(
    count: Int, into out: UnsafeMutablePointer<Scalar>, _ body: (Int) -> SIMD8<Scalar>
  ) {
    var i = 0
    while i + 8 <= count {
      out.store(body(i), at: i)
      i += 8
    }
    if i < count {
      let rest = body(i)
      for lane in 0..<(count - i) { out[i + lane] = rest[lane] }
    }
  }

  /// Returns elements i to i + 7, or the existing ones followed by zeros.
  @inline(__always)
  private static func load(_ x: UnsafePointer<Scalar>, _ i: Int, _ count: Int) -> SIMD8<Scalar> {
    if i + 8 <= count { return x.eight(at: i) }
    var eight = SIMD8<Scalar>.zero
    for lane in 0..<(count - i) { eight[lane] = x[i + lane] }
    return eight
  }
}
