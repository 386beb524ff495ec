import Backends
import KernelInterface
import Optimizers
import Synchronization
import Tensors
import TestSupport
import Testing

/// Steps at the ends of the range of the arithmetic type, in every block form.
@Suite struct AdafactorRangeTests {
  /// Each block form, and moments that are too many to be kept between the phases.
  static let shapes: [Shape] = [
    [20], [2, 2], [12, 11], [3, 40], [150, 130], [9_000, 2], [4, 5_000], [1, 20_000], [40, 3, 3], [9, 2, 5],
    [2, 12, 13], [50, 1, 1],
  ]

  @Test(arguments: shapes, Backend.available)
  func `Gradients up to the root of the largest Float32 are stepped as in Double`(
    shape: Shape, backend: Backend
  ) throws {
    // Squares are finite, and so are their means. Their sums and the sum of R are not.
    for (size, columns) in [(1.8e19, 1), (1.8e19, 3), (3e18, 1)] {
      let values = (0..<shape.elementCount).map { $0 % shape.columns % columns == 0 ? size : 1e-3 }
      try check(Tensor(values, shape: shape, as: .float32), backend)
    }
  }

  @Test(arguments: shapes, Backend.available)
  func `Gradients beyond that are reported, and nothing is written`(shape: Shape, backend: Backend) throws {
    for size in [1.85e19, 1e30] {
      let parameter = Parameter("p", Tensor(ones: shape))
      let optimizer = try Adafactor(
        [parameter], nonFinitePolicy: .skipParameter, backend: backend, threads: 2)
      var values = [Double](repeating: 1, count: shape.elementCount)
      values[shape.elementCount - 1] = size
      parameter.gradient = Tensor(values, shape: shape, as: .float32)
      #expect(try optimizer.step().nonFinite == ["p"])
      #expect(parameter.value == Tensor(ones: shape) && optimizer.state(of: parameter) == nil)
    }
  }

  @Test(arguments: shapes, Backend.available)
  func `RMS(U) agrees with Double if rows and columns differ by at least 10²³`(
    shape: Shape, backend: Backend
  ) throws {
    var numbers = TestNumbers(seed: 4)
    let count = shape.elementCount
    func magnitudes(_ exponents: ClosedRange<Double>) -> [Double] {
      (0..<count).map { _ in
        let share = Double(numbers.next() + 1) / 2
        return power(10, exponents.lowerBound + share * (exponents.upperBound - exponents.lowerBound))
      }
    }
    // Elements of all sizes; one large column; one large row and one large column.
    try check(Tensor(magnitudes(-38...19), shape: shape, as: .float32), backend)
    try check(Tensor(magnitudes(-30...5), shape: shape, as: .float32), backend)
    let (rows, columns) = (shape.rank < 2 ? 1 : shape.rows, shape.columns)
    func separable(_ row: (Int) -> Double, _ column: (Int) -> Double) -> Tensor {
      let values = (0..<count).map { row($0 / columns % rows) * column($0 % columns) }
      return Tensor(values, shape: shape, as: .float32)
    }
    try check(separable({ _ in 1 }, { $0 == 0 ? 1e18 : 1e-5 }), backend)
    try check(separable({ $0 == 0 ? 1e18 : 1e-5 }, { _ in 1 }), backend)
    try check(separable({ $0 == 0 ? 1 : 1e-11 }, { $0 == 0 ? 1e8 : 1e-12 }), backend)
    try check(separable({ $0 == 0 ? 1e8 : 1e-12 }, { $0 == 0 ? 1 : 1e-11 }), backend)
    // Most of RMS(U) comes from elements with squares that Float32 cannot represent.
    try check(Self.gradientOfLostSquares(shape), backend)
  }

  /// Returns a gradient with elements of 10⁻²³ that have updates of 100 each; the others have at most 1.
  private static func gradientOfLostSquares(_ shape: Shape) -> Tensor {
    let (rows, columns) = (shape.rank < 2 ? 1 : shape.rows, shape.columns)
    let values = (0..<shape.elementCount).map { index in
      switch (index / columns % rows, index % columns) {
      case (0, 0): 1e8
      case (_, 0): 1e-5
      case (0, _): 1e-12
      default: 1e-23
      }
    }
    return Tensor(values, shape: shape, as: .float32)
  }

  @Test(arguments: [[150, 130], [9_000, 2], [4, 5_000], [2, 12, 13], [12, 11]] as [Shape])
  func `The exact statistics are used for squares that are lost, and not for rows and columns of zeros`(
    shape: Shape
  ) {
    let columns = shape.columns
    let dead = (0..<shape.elementCount).map {
      ($0 / columns % shape.rows == 1 || $0 % columns == 1) ? 0 : 1 + Double($0 % 7)
    }
    for (gradient, takesExact) in [
      (Tensor(dead, shape: shape, as: .float32), false), (Self.gradientOfLostSquares(shape), true),
    ] {
      let (flag, all) = (Flag(), Backend.swift.kernels)
      let table = KernelTable(
        float32: all.float32, float64: all.float64, factorizations32: all.factorizations32,
        factorizations64: all.factorizations64, adafactor: all.adafactor,
        exactAdafactor: PerTypePair { flag.noting(all.exactAdafactor[$0, $1]) }, adamW: all.adamW,
        conversion: all.conversion)
      let step = AdafactorOptions.preparedStep(
        of: RuleGroup(AdafactorOptions()),
        StepLayout(
          name: "p", shape: shape, scalarType: .float32, gradientType: .float32, needsVerdict: false,
          mayComeFromMemory: false), state: nil, kernels: table)
      var parameter = Tensor(ones: shape)
      withUnsafeTemporaryAllocation(
        byteCount: step.scratchByteCount + step.workspaceByteCount, alignment: 64
      ) { memory in
        step.bindWorkspace(memory.baseAddress! + step.scratchByteCount)
        step.begin(
          SteppedTensor(
            parameter: parameter.mutableElements(), gradient: gradient.elements, gradientScale: 1))
        let result = step.runAlone(scratch: memory.baseAddress!, kernels: table, writesNonFinite: false)
        #expect(result.isFinite && result.isWritten)
        step.commit()
      }
      #expect(flag.isSet.withLock { $0 } == takesExact)
    }
  }

  /// Records whether statistics were computed by wrapped kernels.
  private final class Flag: Sendable {
    let isSet = Mutex(false)

    func noting(_ kernels: AdafactorKernels) -> AdafactorKernels {
      var noting = kernels
      noting.rowStatistics = {
        self.isSet.withLock { $0 = true }
        kernels.rowStatistics($0, $1, $2, $3, $4)
      }
      noting.panelStatistics = {
        self.isSet.withLock { $0 = true }
        return kernels.panelStatistics($0, $1, $2, $3, $4, $5)
      }
      return noting
    }
  }

  @Test(arguments: [[150, 130], [9_000, 2], [4, 5_000], [40, 3, 3], [20]] as [Shape])
  func `An exact step does not affect the next one`(shape: Shape) throws {
    var numbers = TestNumbers(seed: 6)
    let (parameter, other) = (Parameter("p", Tensor(ones: shape)), Parameter("p", Tensor(ones: shape)))
    let (optimizer, fresh) = (try Adafactor([parameter]), try Adafactor([other]))
    parameter.gradient = Self.gradientOfLostSquares(shape)
    try optimizer.step()
    other.value = parameter.value
    try fresh.setState(optimizer.state(of: parameter), of: other)
    let gradient = Tensor(numbers.array(shape.elementCount), shape: shape)
    for (parameter, optimizer) in [(parameter, optimizer), (other, fresh)] {
      parameter.gradient = gradient
      try optimizer.step()
    }
    #expect(ParameterBits(parameter, optimizer) == ParameterBits(other, fresh))
  }

  @Test func `Without scaling, the state does not have RMS(P)`() throws {
    let parameter = Parameter("p", Tensor(ones: [12, 11]))
    parameter.gradient = parameter.value
    let optimizer = try Adafactor(
      [parameter], options: .init(learningRate: .constant(0.1), scaleParameter: false))
    for _ in 0..<2 {
      try optimizer.step()
      #expect(optimizer.state(of: parameter)?.rootMeanSquare == nil)
    }
  }

  /// Compares two steps with the oracle. They start from 0 with a step size of 1, so displacements are U / RMS(U).
  private func check(
    _ gradient: Tensor, _ backend: Backend, location: SourceLocation = #_sourceLocation
  ) throws {
    let parameter = Parameter("p", Tensor(zeros: gradient.shape))
    let options = Adafactor.Options(learningRate: .constant(1), scaleParameter: false)
    let optimizer = try Adafactor(
      [parameter], options: options, nonFinitePolicy: .throwError, backend: backend, threads: 2)
    var oracle = AdafactorOracle(parameter, options: options)
    for _ in 0..<2 {
      parameter.gradient = gradient
      oracle.step(gradient.doubles)
      try optimizer.step()
    }
    let difference = oracle.difference(
      from: parameter, initial: [Double](repeating: 0, count: gradient.elementCount),
      state: optimizer.state(of: parameter)!, relative: 5e-6)
    #expect(difference == nil, sourceLocation: location)
  }

  @Test(arguments: shapes, Backend.available)
  func `A parameter with an RMS beyond Float32 is reported`(shape: Shape, backend: Backend) throws {
    for policy in [NonFinitePolicy.skipParameter, .propagate] {
      let value = Tensor(repeating: 2e19, shape: shape)
      let parameter = Parameter("p", value)
      let optimizer = try Adafactor([parameter], nonFinitePolicy: policy, backend: backend, threads: 2)
      parameter.gradient = Tensor(ones: shape)
      #expect(try optimizer.step().nonFinite == ["p"])
      #expect((parameter.value == value) == (policy == .skipParameter))
      // Without scaling nothing needs the RMS.
      parameter.value = value
      try optimizer.updateOptions(ofGroup: 0) {
        ($0.scaleParameter, $0.learningRate) = (false, .constant(1))
      }
      try optimizer.setState(nil, of: parameter)
      #expect(try optimizer.step().nonFinite == [])
    }
  }

  @Test(arguments: shapes)
  func `An ε₁ within the range of the moments is not reported, and one beyond it is`(shape: Shape) throws {
    for (type, epsilon, isHeld) in [
      (ScalarType.float32, 1e38, true), (.float64, 1e308, true), (.float32, 1e308, false),
    ] {
      let ones = Tensor(ones: shape, as: type)
      let parameter = Parameter("p", ones)
      let optimizer = try Adafactor(
        [parameter], options: .init(squaredGradientEpsilon: epsilon), nonFinitePolicy: .skipParameter)
      parameter.gradient = ones
      #expect(try optimizer.step().nonFinite == (isHeld ? [] : ["p"]))
      #expect(parameter.value == ones)
    }
  }

  @Test func `The exact statistics do not depend on the number of threads`() throws {
    for shape in [[300, 200], [4, 20_000], [3, 200, 100]] as [Shape] {
      var numbers = TestNumbers(seed: 5)
      let gradient = Tensor(numbers.array(shape.elementCount, scale: 1.8e19), shape: shape)
      let bits = try [1, 2, 3].map { threads in
        let parameter = Parameter("p", Tensor(ones: shape))
        let optimizer = try Adafactor([parameter], threads: threads)
        parameter.gradient = gradient
        #expect(try optimizer.step().nonFinite == [])
        return ParameterBits(parameter, optimizer)
      }
      #expect(bits[1] == bits[0] && bits[2] == bits[0])
    }
  }
}
