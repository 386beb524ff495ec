import Tensors
import TestSupport
import Testing

@Suite("Tensor: arithmetic")
struct ArithmeticTests {
  /// 19 columns: two vectors of eight and a remainder.
  static let shape: Shape = [3, 19]

  private func operands(_ type: ScalarType) -> (x: Tensor, y: Tensor, row: Tensor) {
    (
      Tensor(shape: Self.shape, as: type) { Double($0 % 13) - 6 },
      Tensor(shape: Self.shape, as: type) { Double($0 % 4) + 1 },
      Tensor(shape: [19], as: type) { Double($0 % 8) + 1 }
    )
  }

  /// Returns the tensor of `value(x, y)`, rounded to the operands' type. If the operands are exact, every
  /// operation is rounded once.
  private func expected(_ x: Tensor, _ y: (Int) -> Double, _ value: (Double, Double) -> Double) -> Tensor {
    let values = x.scalars(as: Double.self)
    let wide = x.scalarType.arithmeticType == .float64
    return Tensor(shape: x.shape, as: x.scalarType) { i in
      let result = value(values[i], y(i))
      return wide ? result : Double(Float(result))
    }
  }

  @Test(arguments: ScalarType.allCases)
  func `Operators on tensors are rounded once, with a tensor or a row, also in place`(type: ScalarType) {
    let (x, y, row) = operands(type)
    let operations:
      [(
        String, (Tensor, Tensor) -> Tensor, (inout Tensor, Tensor) -> Void, (Double, Double) -> Double
      )] = [
        ("+", { $0 + $1 }, { $0 += $1 }, { $0 + $1 }), ("-", { $0 - $1 }, { $0 -= $1 }, { $0 - $1 }),
        ("*", { $0 * $1 }, { $0 *= $1 }, { $0 * $1 }), ("/", { $0 / $1 }, { $0 /= $1 }, { $0 / $1 }),
      ]
    for (name, operation, update, oracle) in operations {
      let whole = expected(x, { y[$0 / 19, $0 % 19] }, oracle)
      let byRow = expected(x, { row[$0 % 19] }, oracle)
      #expect(operation(x, y) == whole, "\(name)")
      #expect(operation(x, row) == byRow, "\(name) with a row")
      var updated = x
      update(&updated, y)
      #expect(updated == whole, "\(name)=")
      updated = x
      update(&updated, row)
      #expect(updated == byRow, "\(name)= with a row")
    }
    #expect(-x == expected(x, { _ in 0 }, { $1 - $0 }))
  }

  @Test(arguments: Backend.available, ScalarType.allCases)
  func `Operators with numbers are rounded once`(backend: Backend, type: ScalarType) {
    let (x, y, _) = operands(type)
    Backend.withDefault(backend) {
      #expect(x + 2.5 == expected(x, { _ in 2.5 }, { $0 + $1 }))
      #expect(2.5 + x == expected(x, { _ in 2.5 }, { $0 + $1 }))
      #expect(x - 2.5 == expected(x, { _ in 2.5 }, { $0 - $1 }))
      #expect(2.5 - x == expected(x, { _ in 2.5 }, { $1 - $0 }))
      #expect(x * 2.5 == expected(x, { _ in 2.5 }, { $0 * $1 }))
      #expect(2.5 * x == expected(x, { _ in 2.5 }, { $0 * $1 }))
      #expect(x / 3 == expected(x, { _ in 3 }, { $0 / $1 }))
      #expect(3 / y == expected(y, { _ in 3 }, { $1 / $0 }))
      var updated = x
      updated += 1
      updated -= 3
      updated *= 4
      updated /= 2
      #expect(updated == expected(x, { _ in 0 }, { value, _ in (value - 2) * 2 }))
    }
  }

  @Test(arguments: Backend.available, ScalarType.allCases)
  func `Axpy and the moving average match their formulas`(backend: Backend, type: ScalarType) {
    let (x, y, _) = operands(type)
    Backend.withDefault(backend) {
      // Halves and quarters of small whole numbers, which are exact in every type.
      var sum = x
      sum.add(y, scaledBy: -0.5)
      #expect(sum == expected(x, { y[$0 / 19, $0 % 19] }, { $0 - 0.5 * $1 }))
      var average = x
      average.formMovingAverage(of: y, decay: 0.75)
      #expect(average == expected(x, { y[$0 / 19, $0 % 19] }, { 0.75 * $0 + 0.25 * $1 }))
      // The tensor is its own operand.
      var doubled = x
      doubled += doubled
      #expect(doubled == x * 2)
    }
  }

  @Test(arguments: Backend.available)
  func `1 − β of a moving average is computed in Double`(backend: Backend) {
    Backend.withDefault(backend) {
      var average = Tensor([0])
      average.formMovingAverage(of: Tensor([1]), decay: 1 - 1e-6)
      #expect(average[0] == Double(Float(1e-6)))
    }
  }

  @Test(arguments: ScalarType.allCases)
  func `Relu and its gradient keep NaN`(type: ScalarType) {
    let x = Tensor(shape: [11], as: type) { $0 == 10 ? .nan : Double($0) - 5 }
    let relu = x.relu().scalars(as: Double.self)
    #expect(relu.dropLast() == [0, 0, 0, 0, 0, 0, 1, 2, 3, 4])
    #expect(relu[10].isNaN)
    let gradient = Tensor(shape: [11], as: type) { _ in 7 }.reluBackward(at: x).scalars(as: Double.self)
    #expect(gradient == [0, 0, 0, 0, 0, 0, 7, 7, 7, 7, 7])
  }

  @Test(arguments: ScalarType.allCases, Backend.available)
  func `Sign, magnitude and square root are right for exact numbers, infinities and NaN`(
    type: ScalarType, backend: Backend
  ) {
    // Squares of halves have exact roots in every type. 19 elements are more than a vector, with a remainder.
    var values: [Double] = [0, -0.0, .infinity, -.infinity, .nan]
    for k in 1...14 {
      let square = Double(k * k) / 4
      values.append(k % 3 == 0 ? -square : square)
    }
    func check(_ result: Tensor, _ expected: (Double) -> Double) {
      #expect(result.shape == [19] && result.scalarType == type)
      for (value, result) in zip(values, result.scalars(as: Double.self)) {
        let expected = expected(value)
        #expect(
          expected.isNaN ? result.isNaN : result == expected && result.sign == expected.sign,
          "of \(value): \(result), not \(expected)")
      }
    }
    Backend.withDefault(backend) {
      let x = Tensor(shape: [19], as: type) { values[$0] }
      check(x.sign()) { $0.isNaN || $0 == 0 ? $0 : $0 < 0 ? -1 : 1 }
      check(x.magnitude(), abs)
      check(x.squareRoot()) { $0.squareRoot() }
    }
  }

  @Test(arguments: [ScalarType.float32, .float64])
  func `Exp and log-softmax match Double, without overflow`(type: ScalarType) {
    let roundoff = type == .float64 ? 0x1p-53 : 0x1p-24
    let x = Tensor([[0, 1, -2, 3, 0.5, -7, 2, 2, 1], [1000, 1001, 999, 0, 0, 0, 0, 0, 1000]]).converted(
      to: type)
    for (value, exponent) in zip(x.rows(0..<1).exp().scalars(as: Double.self), x.scalars(as: Double.self)) {
      // The series for e^|x|, whose terms are all positive, is accurate to a few roundings of Double.
      let series = (1...60).reversed().reduce(1.0) { 1 + $0 * exponent.magnitude / Double($1) }
      let exact = exponent < 0 ? 1 / series : series
      #expect((value - exact).magnitude <= (2 * roundoff + 16 * 0x1p-53) * exact)
    }
    let logs = x.logSoftmax()
    for i in 0..<2 {
      let row = logs.rows(i..<(i + 1))
      #expect((row.exp().sum() - 1).magnitude <= 32 * roundoff)
      for j in 1..<9 {
        // Differences of logits are preserved.
        #expect((logs[i, j] - logs[i, 0] - (x[i, j] - x[i, 0])).magnitude <= 2000 * roundoff)
      }
    }
  }

  @Test func `Shapes that do not match trap with both shapes`() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(zeros: [2, 3]) + Tensor(zeros: [3, 2])
    }
    try expectMessage(of: result, toContain: "[2, 3]", "[3, 2]")
    await #expect(processExitsWith: .failure) { _ = Tensor(zeros: [2, 3]) * Tensor(zeros: [2]) }
    await #expect(processExitsWith: .failure) { _ = Tensor(zeros: [2]) + Tensor(zeros: [2], as: .float64) }
  }
}
