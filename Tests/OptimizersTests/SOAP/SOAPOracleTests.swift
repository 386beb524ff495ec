import Optimizers
import Tensors
import Testing

/// SOAP in Float64 compared with an oracle in plain loops.
@Suite struct SOAPOracleTests {
  struct Example: Sendable {
    var dimensions: [Int]
    var options = SOAPOptions(learningRate: 0.01, preconditionFrequency: 2)
    var steps = 9
    /// Whether the first gradient is zero.
    var startsAtZero = false
  }

  static let examples: [Example] = [
    .init(dimensions: [4, 4]), .init(dimensions: [4, 4], startsAtZero: true), .init(dimensions: []),
    .init(dimensions: [6]), .init(dimensions: [1, 1]), .init(dimensions: [3, 4, 5]),
    .init(dimensions: [2, 2, 2, 3]),
    .init(dimensions: [4, 9], options: .init(preconditionFrequency: 1, maxPrecondDim: 4)),
    .init(dimensions: [9, 4], options: .init(preconditionFrequency: 1, maxPrecondDim: 4)),
    .init(dimensions: [1, 7], options: .init(maxPrecondDim: 4)),
    .init(dimensions: [7, 1], options: .init(maxPrecondDim: 4)),
    .init(dimensions: [5, 6], options: .init(maxPrecondDim: 4)),
    .init(dimensions: [3, 6, 4], options: .init(preconditionFrequency: 3, maxPrecondDim: 5)),
    .init(dimensions: [6, 4, 3], options: .init(preconditionFrequency: 3, maxPrecondDim: 5)),
    .init(
      dimensions: [5, 5],
      options: .init(
        learningRate: 0.1, beta1: 0.8, beta2: 0.9, shampooBeta: 0.7, epsilon: 1e-3, weightDecay: 0.3,
        preconditionFrequency: 3, normalizesUpdates: true, biasCorrection: false), steps: 14),
  ]

  @Test(arguments: examples, Backend.available)
  func `Steps from the first gradient on agree with the oracle`(example: Example, backend: Backend) throws {
    var generator = SeededGenerator(seed: 7)
    let shape = Shape(example.dimensions)
    let values = normals(shape.elementCount, &generator)
    var oracle = SOAPOracle(example.options, example.dimensions, values)
    let parameter = Parameter("p", Tensor(scalars: values, shape: shape))
    let optimizer = try SOAP([parameter], options: example.options, backend: backend)
    for step in 0..<example.steps {
      let gradient =
        step == 0 && example.startsAtZero ? values.map { _ in 0 } : normals(values.count, &generator)
      oracle.take(gradient)
      parameter.gradient = Tensor(scalars: gradient, shape: shape)
      try optimizer.step()
      expectAgreement(parameter, optimizer.state(of: parameter)!, oracle, values)
    }
  }

  // In the null space of a rank-deficient preconditioner the basis is arbitrary, so these examples start from a given basis.
  @Test(arguments: [[4, 7], [7, 4], [1, 5], [5, 1], [6], [2, 9, 3]], Backend.available)
  func `Steps from a given basis agree with the oracle`(dimensions: [Int], backend: Backend) throws {
    var generator = SeededGenerator(seed: 11)
    let shape = Shape(dimensions)
    let options = SOAPOptions(learningRate: 0.02, preconditionFrequency: 2, precondition1D: true)
    let values = normals(shape.elementCount, &generator)
    let state = MomentState.random(
      dimensions, axes: Array(dimensions.indices), step: 5, secondMoments: ["exp_avg_sq": shape],
      using: &generator)
    var oracle = SOAPOracle(options, dimensions, values)
    (oracle.step, oracle.basis) = (5, state.oracle(dimensions))
    (oracle.m, oracle.v) = (
      state["exp_avg"].scalars(as: Double.self), state["exp_avg_sq"].scalars(as: Double.self)
    )
    let parameter = Parameter("p", Tensor(scalars: values, shape: shape))
    let optimizer = try SOAP([parameter], options: options, backend: backend)
    try optimizer.setState(state, of: parameter)
    for _ in 0..<7 {
      let gradient = normals(values.count, &generator)
      oracle.take(gradient)
      parameter.gradient = Tensor(scalars: gradient, shape: shape)
      try optimizer.step()
      expectAgreement(parameter, optimizer.state(of: parameter)!, oracle, values)
    }
  }

  /// Checks that parameters, preconditioners, second moments, and first moments in the original space agree. Q has arbitrary
  /// signs.
  ///
  /// Both round to 1e-16, times the condition of the eigenvectors, which is up to 1e4 in these examples, and of Adam's
  /// quotient of small numbers.
  private func expectAgreement(
    _ parameter: Parameter, _ state: MomentState, _ oracle: SOAPOracle, _ initial: [Double]
  ) {
    let bound = 1e-10
    let scalars = { (name: String) in state[name].scalars(as: Double.self) }
    #expect(state.step == oracle.step)
    func difference(_ x: [Double]) -> [Double] { zip(x, initial).map { $0 - $1 } }
    #expect(
      relativeDistance(difference(parameter.value.scalars(as: Double.self)), difference(oracle.p)) <= bound)
    #expect(relativeDistance(scalars("exp_avg_sq"), oracle.v) <= bound)
    let ours = state.oracle(oracle.dimensions).rotate(scalars("exp_avg"), back: true)
    #expect(relativeDistance(ours, oracle.basis!.rotate(oracle.m, back: true)) <= bound)
    for axis in oracle.dimensions.indices {
      let theirs = oracle.basis!.preconditioners[axis]
      #expect((state.tensors["GG_\(axis)"] == nil) == (theirs == nil))
      #expect((state.tensors["Q_\(axis)"] == nil) == (theirs == nil))
      if let theirs { #expect(relativeDistance(scalars("GG_\(axis)"), theirs) <= bound) }
    }
  }
}
