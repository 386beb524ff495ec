import Optimizers
import Tensors
import TestSupport
import Testing

/// The numerical rules of the design, with one test for each.
@Suite struct AdafactorNumericsTests {
  /// Each block form.
  static let matrices: [Shape] = [
    [6, 9], [150, 130], [4, 5_000], [1, 20_000], [3, 4, 5], [30, 2, 1, 1],
  ]

  @Test(arguments: matrices, Backend.available)
  func `Gradients of 1e-11 and 1e-16 give an update of full size`(
    shape: Shape, backend: Backend
  ) throws {
    // 1 / √(R C) overflows for them: R C is at most 1e-44.
    for scale: Float in [1e-11, 1e-16] {
      var numbers = TestNumbers(seed: 1)
      try check(shape, backend) { _ in numbers.array(shape.elementCount, scale: scale) }
    }
  }

  @Test(arguments: matrices, Backend.available)
  func `Gradients of 1e12 with a zero row and a zero column stay finite`(
    shape: Shape, backend: Backend
  ) throws {
    var numbers = TestNumbers(seed: 2)
    try check(shape, backend) { _ in
      var gradient = numbers.array(shape.elementCount, scale: 1e12)
      for index in gradient.indices
      where index / shape.columns % shape.rows == 1 || index % shape.columns == 2 {
        gradient[index] = 0
      }
      return gradient
    }
  }

  @Test(arguments: matrices + [[40], []], Backend.available)
  func `A gradient of zeros changes nothing and gives moments of ε₁`(
    shape: Shape, backend: Backend
  ) throws {
    let values = Tensor(repeating: 0.7, shape: shape)
    let parameter = Parameter("p", values)
    let optimizer = try Adafactor([parameter], backend: backend, threads: 2)
    for _ in 0..<3 {
      parameter.gradient = Tensor(zeros: shape)
      #expect(try optimizer.step().nonFinite.isEmpty)
      #expect(parameter.value.bits == values.bits)
      let state = optimizer.state(of: parameter)!
      for moments in [state.rowMoments, state.columnMoments, state.secondMoments] {
        guard let moments else { continue }
        #expect(moments.doubles.allSatisfy { ($0 / 1e-30 - 1).magnitude < 1e-6 })
      }
    }
  }

  /// Runs three steps and compares them with the oracle.
  private func check(_ shape: Shape, _ backend: Backend, gradient: (Int) -> [Float]) throws {
    var numbers = TestNumbers(seed: 3)
    let parameter = Parameter("p", Tensor(numbers.array(shape.elementCount), shape: shape))
    let initial = parameter.value.doubles
    let optimizer = try Adafactor([parameter], backend: backend, threads: 2)
    var oracle = AdafactorOracle(parameter, options: .init())
    for step in 0..<3 {
      parameter.gradient = Tensor(gradient(step), shape: shape)
      oracle.step(parameter.gradient!.doubles)
      #expect(try optimizer.step().nonFinite.isEmpty)
    }
    let difference = oracle.difference(
      from: parameter, initial: initial, state: optimizer.state(of: parameter)!)
    #expect(difference == nil)
  }

  @Test(arguments: [9_999, 999_999], Backend.available)
  func `β is exact at steps 10⁴ and 10⁶`(step: Int, backend: Backend) throws {
    for shape in [[6, 9], [150, 130], [4, 5_000], [33]] as [Shape] {
      let parameter = Parameter("p", Tensor(ones: shape))
      let optimizer = try Adafactor([parameter], backend: backend, threads: 2)
      func ones(_ shape: Shape) -> Tensor { Tensor(ones: shape) }
      let state =
        shape.rank == 1
        ? Adafactor.State(step: step, secondMoments: ones(shape))
        : Adafactor.State(
          step: step, rowMoments: ones([shape.rows]), columnMoments: ones([shape.columns]))
      try optimizer.setState(state, of: parameter)
      // Squares of 1e6 outweigh the old moments, so an error of 1 − β is visible. It is 4e-4 if Float's β is subtracted.
      parameter.gradient = Tensor(repeating: 1_000, shape: shape)
      try optimizer.step()
      let share = power(Double(step + 1), -0.8)
      let expected = (1 - share) + share * 1e6
      let found = optimizer.state(of: parameter)!
      #expect(found.step == step + 1)
      for moments in [found.rowMoments, found.columnMoments, found.secondMoments] {
        guard let moments else { continue }
        #expect(moments.doubles.allSatisfy { ($0 / expected - 1).magnitude < 1e-6 })
      }
      // Without new squares, the old moments decay by β.
      try optimizer.setState(state, of: parameter)
      parameter.gradient = Tensor(zeros: shape)
      try optimizer.step()
      let decayed = optimizer.state(of: parameter)!
      for moments in [decayed.rowMoments, decayed.columnMoments, decayed.secondMoments] {
        guard let moments else { continue }
        #expect(moments.doubles.allSatisfy { ($0 / (1 - share) - 1).magnitude < 1e-6 })
      }
    }
  }

  @Test(arguments: [[1 << 22], [2_048, 2_048]] as [Shape])
  func `Σp² and Σu² of four million equal elements do not drift`(shape: Shape) throws {
    let parameter = Parameter("p", Tensor(repeating: 0.3, shape: shape))
    // β = 0: every element of U is 1, and so is its RMS. A threshold of ½ turns an error of RMS(U) into an error of P.
    let options = Adafactor.Options(learningRate: .constant(0.5), clipThreshold: 0.5)
    let optimizer = try Adafactor([parameter], options: options, threads: 2)
    parameter.gradient = Tensor(repeating: 0.1, shape: shape)
    try optimizer.step()
    let rms = Double(Float(0.3))
    #expect((optimizer.state(of: parameter)!.rootMeanSquare! / rms - 1).magnitude < 1e-6)
    let expected = rms - 0.5 * rms * 0.5
    let found = parameter.value.scalars(as: Float.self)
    #expect((Double(found[0]) / expected - 1).magnitude < 1e-6)
    #expect(found.allSatisfy { $0 == found[0] })
    // The reference's Float norm is off by 6e-4 at this size. A step may hold 1 MB and a sixteenth of the matrix.
    #expect(optimizer.workspaceByteCount <= 1 << 20 + parameter.value.byteCount / 16)
  }

  @Test(
    arguments: [[], [1], [19], [16_390], [7, 11], [150, 130], [4, 5_000], [3, 4, 5]] as [Shape],
    Backend.available)
  func `One NaN or infinity in a gradient makes its tensor NaN, and no other`(
    shape: Shape, backend: Backend
  ) throws {
    let count = shape.elementCount
    for index in Set([0, count / 2, count - 1]) {
      // 1e20 is finite, but its square is not.
      for poison in [Float.nan, .infinity, -.infinity, 1e20] {
        let poisoned = Parameter("poisoned", Tensor(ones: shape))
        let other = Parameter("other", Tensor(ones: shape))
        let optimizer = try Adafactor([poisoned, other], backend: backend, threads: 2)
        var numbers = TestNumbers(seed: index)
        var gradient = numbers.array(count)
        other.gradient = Tensor(gradient, shape: shape)
        gradient[index] = poison
        poisoned.gradient = Tensor(gradient, shape: shape)
        let report = try optimizer.step()
        #expect(report.steppedCount == 2 && report.nonFinite == ["poisoned"])
        // Clipping by Swift's max(1, RMS(U) / d) would leave all but one element of a vector finite.
        #expect(poisoned.value.doubles.allSatisfy { $0.isNaN })
        #expect(other.value.doubles.allSatisfy { $0.isFinite })
      }
    }
  }

  @Test(arguments: [[40], [7, 11], [150, 130], [4, 5_000]] as [Shape], Backend.available)
  func `A NaN in a parameter does not spread, and the others use the minimum scale`(
    shape: Shape, backend: Backend
  ) throws {
    var values = [Float](repeating: 2, count: shape.elementCount)
    values[5] = .nan
    let parameter = Parameter("p", Tensor(values, shape: shape))
    let initial = parameter.value.doubles
    let optimizer = try Adafactor([parameter], backend: backend, threads: 2)
    var oracle = AdafactorOracle(parameter, options: .init())
    for _ in 0..<2 {
      parameter.gradient = Tensor(ones: shape)
      oracle.step(parameter.gradient!.doubles)
      #expect(try optimizer.step().nonFinite.isEmpty)
    }
    let state = optimizer.state(of: parameter)!
    #expect(state.rootMeanSquare!.isNaN && oracle.stepSize == 1e-2 * 1e-3)
    #expect(oracle.difference(from: parameter, initial: initial, state: state) == nil)
    let found = parameter.value.doubles
    #expect(found.indices.filter { found[$0].isNaN } == [5])
  }
}
