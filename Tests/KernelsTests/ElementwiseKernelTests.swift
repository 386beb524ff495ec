import KernelInterface
import Tensors
import TestSupport
import Testing

/// Compares the kernels of linear algebra on single elements with Double. No backend overrides them.
@Suite struct ElementwiseKernelTests {
  /// Numbers of elements around one and two vectors.
  static let counts = [0, 1, 7, 8, 9, 15, 16, 17, 33]
  private static let operations: [(ElementwiseOperation, @Sendable (Double, Double) -> Double)] = [
    (.add, { $0 + $1 }), (.subtract, { $0 - $1 }), (.multiply, { $0 * $1 }), (.divide, { $0 / $1 }),
  ]

  @Test(arguments: counts)
  func `Operations of two elements are rounded once`(count: Int) {
    checkOperations(Float.self, count)
    checkOperations(Double.self, count)
  }

  private func checkOperations<T: ArithmeticScalar>(_: T.Type, _ count: Int) {
    let kernels = T.linearAlgebra(of: Backend.swift.kernels)
    var numbers = TestNumbers(seed: count)
    let (x, y): ([T], [T]) = (numbers.spread(count: count + 1), numbers.spread(count: count + 1))
    let scalar: T = numbers.spread()
    for (operation, exact) in Self.operations {
      // For Float, the result in Double rounds to the result in Float, because Double has more than twice its
      // digits.
      func expected(_ x: (Int) -> T, _ y: (Int) -> T) -> [T] {
        (0..<count).map { T(exact(x($0).doubleValue, y($0).doubleValue) as Double) } + [7]
      }
      var found = [T](repeating: 7, count: count + 1)
      kernels.combine(operation, x, y, count, &found)
      #expect(found == expected({ x[$0] }, { y[$0] }), "\(operation)")
      kernels.combineWithScalar(operation, x, scalar, count, &found)
      #expect(found == expected({ x[$0] }, { _ in scalar }), "\(operation) with a scalar")
      kernels.combineScalarWith(operation, scalar, y, count, &found)
      #expect(found == expected({ _ in scalar }, { y[$0] }), "a scalar \(operation)")
      // In place.
      var updated = x
      updated.withUnsafeMutableBufferPointer {
        kernels.combine(operation, $0.baseAddress!, y, count, $0.baseAddress!)
      }
      #expect(updated.dropLast() == expected({ x[$0] }, { y[$0] }).dropLast(), "\(operation) in place")
    }
  }

  @Test func `Relu and its mask keep positive elements and NaN`() {
    checkRelu(Float.self)
    checkRelu(Double.self)
  }

  private func checkRelu<T: ArithmeticScalar>(_: T.Type) {
    let kernels = T.linearAlgebra(of: Backend.swift.kernels)
    let x: [T] = [-2, -0.0, 0, 0.5, 3, .nan, -.infinity, .infinity, 4]
    var relu = [T](repeating: 7, count: 9)
    kernels.apply(.relu, x, 8, &relu)
    #expect(relu[0] == 0 && relu[1] == 0 && relu[2] == 0 && relu[5].isNaN)
    #expect(relu[3...4] == [0.5, 3] && relu[6...8] == [0, .infinity, 7])
    var masked = [T](repeating: 7, count: 9)
    kernels.mask([1, 2, 3, 4, 5, 6, .nan, 8, 9], x, 8, &masked)
    #expect(masked == [0, 0, 0, 4, 5, 6, 0, 8, 7])
  }

  @Test func `Exponentials and log-softmax match Double`() {
    checkExponentials(Float.self)
    checkExponentials(Double.self)
  }

  private func checkExponentials<T: ArithmeticScalar>(_: T.Type) {
    let kernels = T.linearAlgebra(of: Backend.swift.kernels)
    let rows: [[T]] = [[0, 1, -2, 3, 0.5], [1000, 1001, 999, 0, -1000], [-7, -7, -7, -7, -7]]
    var found = [T](repeating: 7, count: 6)
    kernels.apply(.exp, rows[0], 5, &found)
    for (value, exponent) in zip(found, rows[0]) {
      checkExp(value.doubleValue, exponent.doubleValue, T.roundoff)
    }
    #expect(found[5] == 7)

    found = [T](repeating: 7, count: 16)
    kernels.logSoftmax(rows.flatMap { $0 }, 3, 5, &found)
    for (index, row) in rows.enumerated() {
      // The softmax adds up to 1, and its logarithms differ as the inputs do.
      let logs = found[5 * index..<5 * index + 5].map(\.doubleValue)
      let total = logs.reduce(0) { $0 + exponential($1) }
      #expect((total - 1).magnitude <= 16 * T.roundoff)
      for (log, x) in zip(logs, row) {
        let difference = x.doubleValue - row[0].doubleValue
        #expect(
          (log - logs[0] - difference).magnitude <= 4 * T.roundoff * (log.magnitude + logs[0].magnitude))
      }
    }
    #expect(found[15] == 7)
  }

  private func checkExp(_ found: Double, _ exponent: Double, _ roundoff: Double) {
    let exact = exponential(exponent)
    #expect((found - exact).magnitude <= (2 * roundoff + 16 * Double.roundoff) * exact)
  }

  /// Returns eˣ by the series for e^|x|, whose terms are all positive. It is accurate to a few roundings of
  /// Double up to |x| = 10, and 0 far below.
  private func exponential(_ x: Double) -> Double {
    if x < -100 { return 0 }
    let series = (1...60).reversed().reduce(1.0) { 1 + $0 * x.magnitude / Double($1) }
    return x < 0 ? 1 / series : series
  }
}
