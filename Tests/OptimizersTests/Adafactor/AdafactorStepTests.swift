import Optimizers
import Tensors
import TestSupport
import Testing

/// Whole steps compared with the rule in Double, over shapes that reach every block form and its limits.
@Suite struct AdafactorStepTests {
  static let small: [Shape] = [
    [], [1], [2], [7], [8], [9], [1_031], [16_384], [16_385],
    [1, 1], [1, 9], [9, 1], [7, 3], [3, 7], [31, 33], [128, 128], [129, 128], [2, 2_049], [1_025, 3],
    [1, 16_384], [1, 16_385], [16_385, 1], [20_000, 1], [1, 20_000], [3, 5_500], [65, 257],
    [500, 3, 3], [2_000, 1, 3], [4, 2, 5, 7], [9, 2, 64], [9, 3, 43], [7, 1, 129], [3, 1, 6_000],
    [2, 129, 130], [5, 1], [2, 1, 1, 1],
  ]

  static let everything = Adafactor.Options(
    learningRate: .constant(0.02), squaredGradientEpsilon: 1e-8, parameterScaleEpsilon: 1e-2,
    clipThreshold: 0.3,
    decayRate: -0.6, beta1: 0.9, weightDecay: 0.1, scaleParameter: true)

  @Test(arguments: small, Backend.available)
  func `Steps of a small tensor follow the rule`(shape: Shape, backend: Backend) throws {
    for options in [Adafactor.Options(), Self.everything] {
      try check(shape, options, backend, steps: 3)
    }
  }

  @Test(arguments: [[1, 300_000], [8, 20_000], [600, 700], [3, 200, 300], [100_003]] as [Shape])
  func `Steps of a large tensor follow the rule`(shape: Shape) throws {
    for backend in Backend.available { try check(shape, Self.everything, backend, steps: 2) }
  }

  @Test(arguments: Backend.available)
  func `A constant gradient over 50,257 rows does not drift`(backend: Backend) throws {
    // One running Float sum per column is off by 7e-5 here.
    try check([50_257, 16], Adafactor.Options(), backend, steps: 1) { [Float](repeating: 0.1, count: $1) }
  }

  @Test(arguments: small.filter { $0.elementCount < 5_000 }, Backend.available)
  func `Parameters and gradients may be of either type`(shape: Shape, backend: Backend) throws {
    let types: [(parameter: ScalarType, gradient: ScalarType)] = [
      (.float64, .float64), (.float64, .float32), (.float32, .float64),
    ]
    for (parameter, gradient) in types {
      let (p, initial) = makeParameter(shape, parameter)
      let optimizer = try Adafactor([p], options: Self.everything, backend: backend, threads: 2)
      var oracle = AdafactorOracle(p, options: Self.everything)
      for step in 0..<3 {
        var numbers = TestNumbers(seed: 100 * shape.elementCount + step)
        p.gradient = Tensor(numbers.gradient(shape).map { Double($0) / 3 }, shape: shape, as: gradient)
        oracle.step(p.gradient!.doubles)
        try optimizer.step()
      }
      let relative = parameter == .float64 ? 1e-14 : 2e-6
      let state = optimizer.state(of: p)!
      #expect(oracle.difference(from: p, initial: initial, state: state, relative: relative) == nil)
      for moments in [state.rowMoments, state.columnMoments, state.secondMoments, state.firstMoments] {
        #expect(moments == nil || moments!.scalarType == parameter)
      }
    }
  }

  /// Each block form with one block and with several, and shapes that keep moments in scratch memory.
  static let divided: [Shape] = [
    [1_031], [33_001], [31, 33], [500, 3, 3], [20, 30, 30], [129, 128], [300, 200], [5_000, 4], [1, 20_000],
    [8, 9_000], [2, 129, 130], [2, 3, 6_000],
  ]

  @Test(arguments: divided)
  func `Any number of threads gives the same bits`(shape: Shape) throws {
    // With other tensors, because the threads determine which tensors run at the same time.
    let shapes: [Shape] = [[70, 50], shape, [300], [200, 9]]
    let gradients = (0..<2).map { step in
      shapes.map { shape in
        var numbers = TestNumbers(seed: step)
        return Tensor(numbers.gradient(shape), shape: shape)
      }
    }
    for backend in Backend.available {
      var first: [ParameterBits]?
      for threads in [1, 2, 3, 8] {
        let parameters = shapes.enumerated().map { Parameter("\($0)", makeParameter($1, .float32).0.value) }
        let optimizer = try Adafactor(
          parameters, options: Self.everything, backend: backend, threads: threads)
        for step in 0..<2 {
          for (parameter, gradient) in zip(parameters, gradients[step]) { parameter.gradient = gradient }
          try optimizer.step()
        }
        let bits = parameters.map { ParameterBits($0, optimizer) }
        if let first { #expect(bits == first, "\(threads) threads") } else { first = bits }
      }
    }
  }

  private func makeParameter(_ shape: Shape, _ type: ScalarType) -> (Parameter, [Double]) {
    var numbers = TestNumbers(seed: shape.elementCount)
    let values = numbers.array(shape.elementCount).map { Double($0) }
    let parameter = Parameter("p", Tensor(values, shape: shape, as: type))
    return (parameter, parameter.value.doubles)
  }

  private func check(
    _ shape: Shape, _ options: Adafactor.Options, _ backend: Backend, steps: Int,
    gradient: (Int, Int) -> [Float] = { _, _ in [] }
  ) throws {
    let (parameter, initial) = makeParameter(shape, .float32)
    let optimizer = try Adafactor([parameter], options: options, backend: backend, threads: 2)
    var oracle = AdafactorOracle(parameter, options: options)
    for step in 0..<steps {
      var numbers = TestNumbers(seed: 100 * shape.elementCount + step)
      var values = gradient(step, shape.elementCount)
      if values.count != shape.elementCount { values = numbers.gradient(shape) }
      parameter.gradient = Tensor(values, shape: shape)
      oracle.step(values.map { Double($0) })
      let report = try optimizer.step()
      #expect(report.steppedCount == 1 && report.nonFinite.isEmpty)
    }
    let difference = oracle.difference(
      from: parameter, initial: initial, state: optimizer.state(of: parameter)!)
    #expect(difference == nil, "\(shape) on \(backend)")
  }
}
