import Optimizers
import Tensors
import TestSupport
import Testing

/// Steps at the ends of the range of the arithmetic type, in every form of blocks.
@Suite struct AdafactorRangeTests {
  /// Each form of blocks; and moments that are too many to be kept between the phases.
  static let shapes: [Shape] = [
    [20], [2, 2], [12, 11], [3, 40], [150, 130], [9_000, 2], [4, 5_000], [1, 20_000], [40, 3, 3], [9, 2, 5],
    [2, 12, 13], [50, 1, 1],
  ]

  @Test(arguments: shapes, Backend.available)
  func `Gradients up to the root of the greatest Float32 are stepped as in Double`(
    shape: Shape, backend: Backend
  ) throws {
    // Squares are finite, and so are their means. Their sums are not, nor is the sum of R.
    for (size, columns) in [(1.8e19, 1), (1.8e19, 3), (3e18, 1)] {
      let values = (0..<shape.elementCount).map { $0 % shape.columns % columns == 0 ? size : 1e-3 }
      try check(Tensor(values, shape: shape, as: .float32), backend)
    }
  }

  @Test(arguments: shapes, Backend.available)
  func `Gradients beyond it are reported, and nothing is written`(shape: Shape, backend: Backend) throws {
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
  func `RMS(U) is that of Double where rows and columns differ by 10²³ and more`(
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
    // Of every size; columns of which one is large; rows and columns of which one each is.
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
  }

  /// Two steps from 0 with a step size of 1, so that displacements are U / RMS(U), against the oracle.
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
  func `A parameter whose RMS is beyond Float32 is reported`(shape: Shape, backend: Backend) throws {
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
  func `An ε₁ that the moments can hold is no reason to report, and one beyond it is`(shape: Shape) throws {
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

  @Test func `The exact statistics do not depend on threads`() throws {
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
