import Foundation
import Optimizers
import Tensors
import Testing

/// Factored SOAP in Float64 against an oracle in plain loops, and the identities that define it.
@Suite struct FactoredSOAPTests {
  struct Example: Sendable {
    var dimensions: [Int]
    var options: FactoredSOAPOptions
    var steps = 11

    init(_ dimensions: [Int], _ change: (inout FactoredSOAPOptions) -> Void = { _ in }) {
      self.dimensions = dimensions
      options = FactoredSOAPOptions(
        adafactor: .init(learningRate: .constant(0.02), beta1: 0.9), preconditionFrequency: 2)
      change(&options)
    }
  }

  static let examples: [Example] = [
    .init([4, 4]), .init([5, 5]) { $0.adafactor.beta1 = nil }, .init([6]), .init([]), .init([1, 1]),
    .init([3, 4, 5]), .init([4, 4]) { $0.adafactor = .init(learningRate: .relative(), weightDecay: 0.1) },
    .init([4, 9]) { $0.oneSided = true }, .init([9, 4]) { $0.oneSided = true },
    .init([3, 4, 5]) { ($0.oneSided, $0.shampooBeta) = (true, 0.5) },
    .init([9, 4]) { ($0.maxPrecondDim, $0.preconditionFrequency) = (4, 3) },
    .init([4, 4]) {
      $0.adafactor = .init(
        learningRate: .constant(0.3), squaredGradientEpsilon: 1e-3, clipThreshold: 0.5, decayRate: -0.5,
        beta1: 0.5, weightDecay: 0.2, scaleParameter: false)
    },
  ]

  /// Steps a parameter, and calls the closure with our side and the oracle's after each step.
  private func follow(
    _ example: Example, _ backend: Backend, seed: UInt64, state given: MomentState? = nil,
    start: FactoredSOAPOracle? = nil
  ) throws {
    var generator = SeededGenerator(seed: seed)
    let shape = Shape(example.dimensions)
    let values = start?.p ?? normals(shape.elementCount, &generator)
    var oracle = start ?? FactoredSOAPOracle(example.options, example.dimensions, values)
    let parameter = Parameter("p", Tensor(scalars: values, shape: shape))
    let optimizer = try FactoredSOAP([parameter], options: example.options, backend: backend)
    if let given { try optimizer.setState(given, of: parameter) }
    for _ in 0..<example.steps {
      let gradient = normals(values.count, &generator)
      oracle.take(gradient)
      parameter.gradient = Tensor(scalars: gradient, shape: shape)
      try optimizer.step()
      let state = optimizer.state(of: parameter)!
      #expect(state.step == oracle.step)
      func difference(_ x: [Double]) -> [Double] { zip(x, values).map { $0 - $1 } }
      // Both round to 1e-16, times the condition of eigenvectors, and quotients of up to 1e4.
      let bound = 1e-10
      #expect(
        relativeDistance(difference(parameter.value.scalars(as: Double.self)), difference(oracle.p)) <= bound)
      for (name, expected) in oracle.secondMoments {
        #expect(relativeDistance(state[name].scalars(as: Double.self), expected) <= bound, "\(name)")
      }
      for (axis, matrix) in oracle.basis!.preconditioners.enumerated() {
        #expect((state.tensors["Q_\(axis)"] == nil) == (matrix == nil))
        guard let matrix else { continue }
        #expect(relativeDistance(state["GG_\(axis)"].scalars(as: Double.self), matrix) <= bound)
      }
    }
  }

  @Test(arguments: examples, Backend.available)
  func `Steps from the first gradient on agree with the oracle`(example: Example, backend: Backend) throws {
    try follow(example, backend, seed: 21)
  }

  @Test(arguments: [[4, 7], [7, 4], [1, 5], [5, 1], [2, 9, 3]], Backend.available)
  func `Steps from a given basis agree with the oracle`(dimensions: [Int], backend: Backend) throws {
    var generator = SeededGenerator(seed: 22)
    let (shape, example) = (Shape(dimensions), Example(dimensions))
    let state = MomentState.random(
      dimensions, axes: Array(dimensions.indices), step: 5,
      secondMoments: [
        "exp_avg_sq_row": Shape(Array(dimensions.dropLast())),
        "exp_avg_sq_col": Shape(Array(dimensions.dropLast(2)) + [dimensions.last!]),
      ], using: &generator)
    var oracle = FactoredSOAPOracle(example.options, dimensions, normals(shape.elementCount, &generator))
    (oracle.step, oracle.basis) = (5, state.oracle(dimensions))
    oracle.m = state["exp_avg"].scalars(as: Double.self)
    for name in oracle.secondMoments.keys {
      oracle.secondMoments[name] = state[name].scalars(as: Double.self)
    }
    try follow(example, backend, seed: 23, state: state, start: oracle)
  }

  @Test(arguments: [nil, 0.9], Backend.available)
  func `With the identity as its basis, it is Adafactor`(beta1: Double?, backend: Backend) throws {
    let adafactor = AdafactorOptions(beta1: beta1, weightDecay: 0.1)
    let options = FactoredSOAPOptions(adafactor: adafactor, preconditionFrequency: 1_000)
    for shape in [[4, 6], [3, 4, 5]] as [Shape] {
      var generator = SeededGenerator(seed: 24)
      func zeros(_ shape: Shape) -> Tensor { Tensor(zeros: shape, as: .float64) }
      var state = MomentState([
        "exp_avg_sq_row": zeros(Shape(Array(shape.dimensions.dropLast()))),
        "exp_avg_sq_col": zeros(Shape(shape.dimensions.dropLast(2) + [shape.columns])),
      ])
      if beta1 != nil { state.tensors["exp_avg"] = zeros(shape) }
      for (axis, n) in shape.dimensions.enumerated() {
        state.tensors["GG_\(axis)"] = zeros([n, n])
        state.tensors["Q_\(axis)"] = Tensor(shape: [n, n], as: .float64) { $0 % (n + 1) == 0 ? 1 : 0 }
      }
      let start = Tensor(normal: shape, as: .float64, using: &generator)
      let (ours, theirs) = (Parameter("p", start), Parameter("p", start))
      let soap = try FactoredSOAP([ours], options: options, backend: backend)
      try soap.setState(state, of: ours)
      let plain = try Adafactor([theirs], options: adafactor, backend: backend)
      for _ in 0..<8 {
        let gradient = Tensor(normal: shape, as: .float64, using: &generator)
        (ours.gradient, theirs.gradient) = (gradient, gradient)
        try soap.step()
        try plain.step()
        let (x, y) = (ours.value - start, theirs.value - start)
        #expect(relativeDistance(x.scalars(as: Double.self), y.scalars(as: Double.self)) <= 1e-12)
        let (state, expected) = (soap.state(of: ours)!, plain.state(of: theirs)!)
        for name in ["exp_avg_sq_row", "exp_avg_sq_col"] {
          #expect(
            relativeDistance(
              state[name].scalars(as: Double.self), expected.tensors[name]!.scalars(as: Double.self)) <= 1e-12
          )
        }
      }
    }
  }

  // No other test detects moments that are permuted incorrectly.
  @Test(arguments: [1, 3], Backend.available)
  func `If the problem is rotated, the update is rotated too`(frequency: Int, backend: Backend) throws {
    var generator = SeededGenerator(seed: 25)
    func orthogonal(_ n: Int) -> Tensor {
      Tensor(scalars: orthonormal(normals(n * n, &generator), n), shape: [n, n])
    }
    let (left, right) = (orthogonal(5), orthogonal(5))
    func rotated(_ x: Tensor) -> Tensor { left.matmul(x).matmul(right, otherTransposed: true) }
    var options = Example([5, 5]).options
    options.preconditionFrequency = frequency
    let start = Tensor(normal: [5, 5], as: .float64, using: &generator)
    let (plain, other) = (Parameter("p", start), Parameter("p", rotated(start)))
    let optimizers = try [plain, other].map { try FactoredSOAP([$0], options: options, backend: backend) }
    for _ in 0..<12 {
      let gradient = Tensor(normal: [5, 5], as: .float64, using: &generator)
      (plain.gradient, other.gradient) = (gradient, rotated(gradient))
      for optimizer in optimizers { try optimizer.step() }
    }
    let (x, y) = (other.value - rotated(start), rotated(plain.value - start))
    #expect(relativeDistance(x.scalars(as: Double.self), y.scalars(as: Double.self)) <= 1e-10)
  }

  @Test(arguments: [false, true])
  func `The state has the documented size`(oneSided: Bool) throws {
    var generator = SeededGenerator(seed: 26)
    let (n, m) = (6, 10)
    for beta1 in [nil, 0.9] {
      let parameter = Parameter("p", Tensor(normal: [n, m], using: &generator))
      parameter.gradient = Tensor(normal: [n, m], using: &generator)
      let start = parameter.value
      let optimizer = try FactoredSOAP(
        [parameter], options: .init(adafactor: .init(beta1: beta1), oneSided: oneSided))
      try optimizer.step()
      #expect(parameter.value == start)
      let bases = oneSided ? 2 * n * n : 2 * n * n + 2 * m * m
      #expect(
        optimizer.state(of: parameter)!.byteCount == 4 * (bases + n + m + (beta1 == nil ? 0 : n * m)))
    }
  }

  @Test(arguments: [Float.nan, .infinity, 3e18], Backend.available)
  func `A gradient without finite products does not change the state and makes the parameter NaN`(
    value: Float, backend: Backend
  ) throws {
    var generator = SeededGenerator(seed: 27)
    for steps in [0, 3] {
      let parameter = Parameter("p", Tensor(normal: [8, 8], using: &generator))
      let optimizer = try FactoredSOAP([parameter], options: Example([8, 8]).options, backend: backend)
      for _ in 0..<steps {
        parameter.gradient = Tensor(normal: [8, 8], using: &generator)
        try optimizer.step()
      }
      let before = optimizer.state(of: parameter)
      parameter.gradient = Tensor(repeating: Double(value), shape: [8, 8])
      try optimizer.step()
      #expect(parameter.value.sum().isNaN)
      #expect(optimizer.state(of: parameter)?.tensors ?? [:] == before?.tensors ?? [:])
      #expect(optimizer.state(of: parameter)?.step ?? 0 == before?.step ?? 0)
    }
  }

  @Test(arguments: Backend.available)
  func `Gradients of zeros and gradients of rank 1 keep the parameter finite`(backend: Backend) throws {
    var generator = SeededGenerator(seed: 28)
    for oneSided in [false, true] {
      let parameter = Parameter("p", Tensor(normal: [6, 9], using: &generator))
      var options = Example([6, 9]).options
      options.oneSided = oneSided
      let optimizer = try FactoredSOAP([parameter], options: options, backend: backend)
      for step in 0..<12 {
        parameter.gradient =
          step < 5
          ? Tensor(zeros: [6, 9]) : Tensor(shape: [6, 9]) { Double(($0 / 9 + 1) * ($0 % 9 - 3)) }
        try optimizer.step()
        #expect(parameter.value.sum().isFinite)
      }
    }
  }

  // MARK: Settings

  @Test func `Settings are Adafactor's and the settings of the bases`() throws {
    let json = """
      {"lr": 0.25, "eps": [0.5, 0.125], "clip_threshold": 2, "decay_rate": -0.5, "beta1": 0.5,
       "weight_decay": 0.75, "scale_parameter": false, "relative_step": false, "warmup_init": false,
       "shampoo_beta": 0.5, "precondition_frequency": 3, "max_precond_dim": 64, "precondition_1d": true,
       "one_sided": true, "spread_refresh": true}
      """
    let options = FactoredSOAPOptions(
      adafactor: .init(
        learningRate: .constant(0.25), squaredGradientEpsilon: 0.5, parameterScaleEpsilon: 0.125,
        clipThreshold: 2, decayRate: -0.5, beta1: 0.5, weightDecay: 0.75, scaleParameter: false),
      shampooBeta: 0.5, preconditionFrequency: 3, maxPrecondDim: 64, precondition1D: true, oneSided: true,
      spreadsRefresh: true)
    #expect(try decode(json) == options)
    #expect(try decode("{}") == FactoredSOAPOptions())
    let written = try JSONSerialization.jsonObject(with: JSONEncoder().encode(options)) as? NSDictionary
    #expect(try written == JSONSerialization.jsonObject(with: Data(json.utf8)) as? NSDictionary)
  }

  @Test(arguments: [
    (#"{"clip_threshold": 0}"#, "clip_threshold is 0.0"), (#"{"shampoo_beta": 1}"#, "shampoo_beta is 1.0"),
    (#"{"shampoo_beta": -1}"#, "shampoo_beta is -1.0"),
    (#"{"max_precond_dim": -1}"#, "max_precond_dim is -1"),
    (#"{"precondition_frequency": 0}"#, "precondition_frequency is 0"),
    (#"{"betas": [0.9, 0.9]}"#, #"There is no option "betas""#),
  ])
  func `A setting out of range is refused by its key`(json: String, message: String) {
    let error = #expect(throws: OptimizerError.self) { try decode(json) }
    #expect(error?.description.hasPrefix(message) == true, "\(json)")
  }

  private func decode(_ json: String) throws -> FactoredSOAPOptions {
    try JSONDecoder().decode(FactoredSOAPOptions.self, from: Data(json.utf8))
  }
}
