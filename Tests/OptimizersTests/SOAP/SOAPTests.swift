import Foundation
import Optimizers
import Tensors
import Testing

/// The properties that define SOAP, its edge cases, its state and its settings.
@Suite struct SOAPTests {
  /// Takes these steps of one parameter, and returns the change of the parameter.
  private func displacement(
    _ gradients: [Tensor], from start: Tensor, _ options: SOAPOptions, _ backend: Backend,
    state: MomentState? = nil
  ) throws -> Tensor {
    let parameter = Parameter("p", start)
    let optimizer = try SOAP([parameter], options: options, backend: backend)
    if let state { try optimizer.setState(state, of: parameter) }
    for gradient in gradients {
      parameter.gradient = gradient
      try optimizer.step()
    }
    return parameter.value - start
  }

  // No other test detects second moments that are permuted incorrectly.
  @Test(arguments: [1, 2, 5], Backend.available)
  func `If the problem is rotated, the update is rotated too`(frequency: Int, backend: Backend) throws {
    var generator = SeededGenerator(seed: 3)
    func orthogonal(_ n: Int) -> Tensor {
      Tensor(scalars: orthonormal(normals(n * n, &generator), n), shape: [n, n])
    }
    let (left, right) = (orthogonal(5), orthogonal(5))
    func rotated(_ x: Tensor) -> Tensor { left.matmul(x).matmul(right, otherTransposed: true) }
    let options = SOAPOptions(learningRate: 0.02, preconditionFrequency: frequency)
    let start = Tensor(normal: [5, 5], as: .float64, using: &generator)
    let gradients = (0..<12).map { _ in Tensor(normal: [5, 5], as: .float64, using: &generator) }
    let plain = try displacement(gradients, from: start, options, backend)
    let other = try displacement(gradients.map(rotated), from: rotated(start), options, backend)
    let distance = relativeDistance(
      other.scalars(as: Double.self), rotated(plain).scalars(as: Double.self))
    // 1e-16, times conditions of eigenvectors and quotients of up to 1e4.
    #expect(distance <= 1e-10)
  }

  @Test(arguments: Backend.available)
  func `With the identity as its basis, it is Adam`(backend: Backend) throws {
    var generator = SeededGenerator(seed: 4)
    let shape: Shape = [4, 6]
    let start = Tensor(normal: shape, as: .float64, using: &generator)
    let gradients = (0..<8).map { _ in Tensor(normal: shape, as: .float64, using: &generator) }
    func identity(_ n: Int) -> Tensor { Tensor(shape: [n, n], as: .float64) { $0 % (n + 1) == 0 ? 1 : 0 } }
    let zeros = { (shape: Shape) in Tensor(zeros: shape, as: .float64) }
    let state = MomentState([
      "exp_avg": zeros(shape), "exp_avg_sq": zeros(shape), "GG_0": zeros([4, 4]), "GG_1": zeros([6, 6]),
      "Q_0": identity(4), "Q_1": identity(6),
    ])
    let options = SOAPOptions(epsilon: 0, weightDecay: 0, preconditionFrequency: 1_000)
    let soap = try displacement(gradients, from: start, options, backend, state: state)

    let parameter = Parameter("p", start)
    let adamW = try AdamW(
      [parameter],
      options: .init(
        learningRate: options.learningRate, beta1: 0.95, beta2: 0.95, epsilon: 0, weightDecay: 0),
      backend: backend)
    for gradient in gradients {
      parameter.gradient = gradient
      try adamW.step()
    }
    let expected = (parameter.value - start).scalars(as: Double.self)
    #expect(relativeDistance(soap.scalars(as: Double.self), expected) <= 1e-12)

    var unrotated = options
    unrotated.maxPrecondDim = 0
    let plain = try displacement([gradients[0]] + gradients, from: start, unrotated, backend)
    #expect(plain == soap)
  }

  @Test(arguments: [[24, 24], [16, 40], [3, 5, 7], [1, 9], [9, 1]], Backend.available)
  func `Bases stay orthogonal in Float32, even for gradients of rank 1`(
    dimensions: [Int], backend: Backend
  ) throws {
    var generator = SeededGenerator(seed: 5)
    let shape = Shape(dimensions)
    for rank1 in [false, true] {
      let parameter = Parameter("p", Tensor(normal: shape, using: &generator))
      let optimizer = try SOAP([parameter], options: .init(preconditionFrequency: 3), backend: backend)
      let row = normals(shape.columns, &generator)
      for step in 0..<31 {
        parameter.gradient =
          rank1
          ? Tensor(shape: shape) { row[$0 % row.count] * Double(1 + $0 / row.count) / Double(1 + step) }
          : Tensor(normal: shape, using: &generator)
        try optimizer.step()
      }
      #expect(parameter.value.sum().isFinite)
      for (axis, n) in dimensions.enumerated() {
        let q = optimizer.state(of: parameter)!["Q_\(axis)"]
        let product = q.matmul(q, transposed: true).scalars(as: Double.self)
        // Householder reflections: a few units in the last place per column.
        for k in 0..<n * n { #expect(abs(product[k] - (k % (n + 1) == 0 ? 1 : 0)) <= 1e-6 * Double(n + 2)) }
      }
    }
  }

  @Test(arguments: Backend.available)
  func `The first gradient only initializes, with eigenvectors by descending eigenvalue`(
    backend: Backend
  ) throws {
    var generator = SeededGenerator(seed: 6)
    let start = Tensor(normal: [5, 3], as: .float64, using: &generator)
    let parameter = Parameter("p", start)
    let optimizer = try SOAP([parameter], options: .init(weightDecay: 0.5), backend: backend)
    let gradient = Tensor(normal: [5, 3], as: .float64, using: &generator)
    parameter.gradient = gradient
    try optimizer.step()
    #expect(parameter.value == start)
    let state = optimizer.state(of: parameter)!
    #expect(state.step == 0)
    #expect(Set(state.tensors.keys) == ["exp_avg", "exp_avg_sq", "GG_0", "GG_1", "Q_0", "Q_1"])
    #expect(state["exp_avg_sq"] == Tensor(zeros: [5, 3], as: .float64))
    let projected = state["Q_1"].matmul(state["GG_1"], transposed: true).matmul(state["Q_1"])
    #expect(projected[0, 0] > projected[1, 1] && projected[1, 1] > projected[2, 2])
    #expect(abs(projected[0, 1]) + abs(projected[0, 2]) + abs(projected[1, 2]) < 1e-13)
  }

  // MARK: Refreshes

  /// Returns the steps, counted from 1, that change a basis.
  private func refreshes(_ options: SOAPOptions, seed: UInt64) throws -> [[Int]] {
    var generator = SeededGenerator(seed: seed)
    let parameter = Parameter("p", Tensor(normal: [4, 5], using: &generator))
    let optimizer = try SOAP([parameter], options: options)
    var steps: [[Int]] = [[], []]
    for step in 0...(4 * options.preconditionFrequency) {
      let before = optimizer.state(of: parameter)
      parameter.gradient = Tensor(normal: [4, 5], using: &generator)
      try optimizer.step()
      guard let before else { continue }
      for axis in 0..<2 where optimizer.state(of: parameter)!["Q_\(axis)"] != before["Q_\(axis)"] {
        steps[axis].append(step)
      }
    }
    return steps
  }

  @Test func `All axes are refreshed together, every f updates`() throws {
    #expect(try refreshes(.init(preconditionFrequency: 6), seed: 1) == [[6, 12, 18, 24], [6, 12, 18, 24]])
  }

  @Test func `Spread refreshes are at different steps for axes and parameters, every f updates`() throws {
    var firsts: Set<Int> = []
    for seed in UInt64(1)...6 {
      let steps = try refreshes(.init(preconditionFrequency: 6, spreadsRefresh: true), seed: seed)
      for axis in 0..<2 {
        #expect(steps[axis].count == 4)
        #expect(zip(steps[axis], steps[axis].dropFirst()).allSatisfy { $1 - $0 == 6 })
      }
      #expect(abs(steps[0][0] - steps[1][0]) == 3)
      firsts.insert(steps[0][0])
    }
    #expect(firsts.count > 2)
  }

  // MARK: Gradients that are not finite, and types

  // The squares of 3e18 are finite, but their sum over 64 elements is beyond the range of Float32.
  @Test(arguments: [Float.nan, .infinity, 3e18], Backend.available)
  func `A gradient without finite products does not change the state and makes the parameter NaN`(
    value: Float, backend: Backend
  ) throws {
    var generator = SeededGenerator(seed: 8)
    let gradient = Tensor(repeating: Double(value), shape: [8, 8])
    for steps in [0, 1, 3] {
      let parameter = Parameter("p", Tensor(normal: [8, 8], using: &generator))
      let optimizer = try SOAP([parameter], options: .init(preconditionFrequency: 1), backend: backend)
      for _ in 0..<steps {
        parameter.gradient = Tensor(normal: [8, 8], using: &generator)
        try optimizer.step()
      }
      let before = optimizer.state(of: parameter)
      parameter.gradient = gradient
      try optimizer.step()
      #expect(parameter.value.sum().isNaN)
      #expect(optimizer.state(of: parameter)?.tensors ?? [:] == before?.tensors ?? [:])
      #expect(optimizer.state(of: parameter)?.step ?? 0 == before?.step ?? 0)
    }
  }

  @Test(arguments: [Float.nan, 3e18], Backend.available)
  func `skipStep does not change the parameter and its state`(value: Float, backend: Backend) throws {
    var generator = SeededGenerator(seed: 9)
    let parameter = Parameter("p", Tensor(normal: [8, 8], using: &generator))
    let optimizer = try SOAP([parameter], nonFinitePolicy: .skipStep, backend: backend)
    for _ in 0..<3 {
      parameter.gradient = Tensor(normal: [8, 8], using: &generator)
      try optimizer.step()
    }
    let (before, state) = (parameter.value, optimizer.state(of: parameter))
    parameter.gradient = Tensor(repeating: Double(value), shape: [8, 8])
    #expect(try optimizer.step().nonFinite == ["p"])
    #expect(parameter.value == before && optimizer.state(of: parameter) == state)
    // The scale belongs to the gradient.
    parameter.gradient = Tensor(repeating: 3, shape: [8, 8])
    parameter.gradientScale = Double(value) / 3
    #expect(try optimizer.step().nonFinite == ["p"])
    parameter.gradientScale = 1
    #expect(try optimizer.step().nonFinite.isEmpty)
    #expect(parameter.value != before)
  }

  @Test(arguments: [ScalarType.bfloat16, .float16])
  func `16-bit parameters keep their state in Float32`(type: ScalarType) throws {
    var generator = SeededGenerator(seed: 10)
    let start = Tensor(normal: [6, 6], using: &generator).converted(to: type)
    let (parameter, wide) = (Parameter("p", start), Parameter("p", start.converted(to: .float32)))
    let optimizers = try [parameter, wide].map { try SOAP([$0], options: .init(learningRate: 0.1)) }
    for _ in 0..<2 {
      let gradient = Tensor(normal: [6, 6], using: &generator).converted(to: type)
      (parameter.gradient, wide.gradient) = (gradient, gradient.converted(to: .float32))
      for optimizer in optimizers { try optimizer.step() }
    }
    let state = optimizers[0].state(of: parameter)!
    #expect(state.tensors.values.allSatisfy { $0.scalarType == .float32 })
    #expect(state == optimizers[1].state(of: wide))
    #expect(parameter.value == wide.value.converted(to: type) && parameter.value != start)
  }

  @Test func `Tensors without elements are skipped`() throws {
    let parameter = Parameter("p", Tensor(zeros: [0, 3]))
    parameter.gradient = Tensor(zeros: [0, 3])
    let optimizer = try SOAP([parameter])
    try optimizer.step()
    try optimizer.step()
    #expect(parameter.value.elementCount == 0)
  }

  // MARK: Merged axes

  @Test(arguments: [
    ([2, 3, 6], 6, [2, 1]), ([8, 4, 4, 4], 16, [1, 2, 1]), ([3, 4, 5], 11, [1, 1, 1]),
    ([4, 1, 4], 6, [2, 1]),
    ([1, 6], 5, [2]), ([6, 1, 1], 5, [3]), ([6, 7], 5, [1, 1]), ([2, 2, 9, 2, 2], 8, [2, 1, 2]),
  ])
  func `Axes are merged from the left if they fit`(shape: [Int], maxLength: Int, counts: [Int]) throws {
    let parameter = Parameter("p", Tensor(repeating: 1, shape: Shape(shape)))
    var generator = SeededGenerator(seed: 3)
    parameter.gradient = Tensor(normal: Shape(shape), using: &generator)
    let optimizer = try SOAP([parameter], options: .init(maxPrecondDim: maxLength, mergesDims: true))
    try optimizer.step()
    let state = try #require(optimizer.state(of: parameter))
    let recorded = state.tensors["merged_axes"]?.scalars(as: Double.self).map { Int($0) }
    #expect(recorded == (counts.count == shape.count ? nil : counts))
    // The options may change, but the result of the first gradient is kept.
    try optimizer.updateOptions(ofGroup: 0) { $0.mergesDims = false }
    try optimizer.step()
    try optimizer.setState(state, of: parameter)
    try optimizer.step()
  }

  @Test func `Merged axes that need more memory than the parameter are refused with the remedy`() throws {
    let matrix = Parameter("w", Tensor(zeros: [100, 100]))
    let error = #expect(throws: OptimizerError.self) {
      try SOAP([matrix], options: .init(mergesDims: true))
    }
    #expect(error?.description.contains("Set max_precond_dim to less than 10000") == true)
    // Nothing is merged in vectors, and merging an axis of length 1 makes no axis longer.
    let others = [Parameter("a", Tensor(zeros: [9])), Parameter("b", Tensor(zeros: [1, 9]))]
    _ = try SOAP(others, options: .init(mergesDims: true))
    _ = try SOAP([matrix], options: .init(maxPrecondDim: 9_999, mergesDims: true))
  }

  @Test func `Counts that do not fit the axes of the shape are refused`() throws {
    let parameter = Parameter("p", Tensor(zeros: [2, 3, 6]))
    parameter.gradient = Tensor(repeating: 1, shape: [2, 3, 6])
    let optimizer = try SOAP([parameter], options: .init(maxPrecondDim: 6, mergesDims: true))
    try optimizer.step()
    let state = try #require(optimizer.state(of: parameter))
    for counts: [Float] in [[1, 1], [3, 0], [1.5, 1.5], [4, -1], [.nan, 1], []] {
      var changed = state
      changed.tensors["merged_axes"] = Tensor(scalars: counts, shape: [counts.count])
      #expect(throws: OptimizerError.self) { try optimizer.setState(changed, of: parameter) }
    }
  }

  // MARK: State

  @Test(arguments: [false, true])
  func `A restored state continues with the same bits`(spreads: Bool) throws {
    var generator = SeededGenerator(seed: 12)
    let options = SOAPOptions(preconditionFrequency: 3, spreadsRefresh: spreads)
    let (one, other) = (
      Parameter("p", Tensor(normal: [4, 6], using: &generator)), Parameter("p", Tensor(zeros: [4, 6]))
    )
    let first = try SOAP([one], options: options)
    for step in 0..<12 {
      if step == 6 { other.value = one.value }
      let second = step == 6 ? try SOAP([other], options: options) : nil
      one.gradient = Tensor(normal: [4, 6], using: &generator)
      if let second {
        let saved = first.state(of: one)!
        let restored = MomentState(step: saved.step, tensors: saved.tensors, numbers: saved.numbers)
        try second.setState(restored, of: other)
        for _ in 0..<4 {
          other.gradient = one.gradient
          try first.step()
          try second.step()
          #expect(one.value == other.value && first.state(of: one) == second.state(of: other))
        }
      } else {
        try first.step()
      }
    }
  }

  @Test func `States that do not fit are refused by the tensor's name`() throws {
    var generator = SeededGenerator(seed: 13)
    let parameter = Parameter("p", Tensor(normal: [4, 6], using: &generator))
    let optimizer = try SOAP([parameter])
    parameter.gradient = Tensor(normal: [4, 6], using: &generator)
    try optimizer.step()
    let state = optimizer.state(of: parameter)!
    let zeros = { (shape: Shape) in Tensor(zeros: shape) }
    let changes: [(String, Tensor?, Shape?)] = [
      ("GG_0", nil, [4, 4]), ("Q_1", nil, [6, 6]), ("Q_0", zeros([6, 6]), [4, 4]), ("exp_avg", nil, [4, 6]),
      ("exp_avg_sq", zeros([4]), [4, 6]), ("Q_2", zeros([4, 4]), nil), ("refresh_phase", zeros([1]), []),
    ]
    for (name, tensor, expected) in changes {
      var changed = state
      changed.tensors[name] = tensor
      #expect(
        throws: OptimizerError.stateShape(
          parameter: "p", moments: name, shape: tensor?.shape, expected: expected)
      ) { try optimizer.setState(changed, of: parameter) }
    }
    try optimizer.setState(MomentState(), of: parameter)
    try optimizer.setState(state, of: parameter)
  }

  // MARK: Settings

  @Test func `Settings are read and written under the reference's names`() throws {
    let json = """
      {"lr": 0.25, "betas": [0.5, 0.75], "shampoo_beta": 0.125, "eps": 0.5, "weight_decay": 2,
       "precondition_frequency": 7, "max_precond_dim": 100, "merge_dims": true, "precondition_1d": true,
       "normalize_grads": true, "correct_bias": false, "spread_refresh": true}
      """
    let options = SOAPOptions(
      learningRate: 0.25, beta1: 0.5, beta2: 0.75, shampooBeta: 0.125, epsilon: 0.5, weightDecay: 2,
      preconditionFrequency: 7, maxPrecondDim: 100, mergesDims: true, precondition1D: true,
      normalizesUpdates: true,
      biasCorrection: false, spreadsRefresh: true)
    #expect(try decode(json) == options)
    #expect(try decode("{}") == SOAPOptions())
    #expect(try decode(#"{"shampoo_beta": -1}"#) == SOAPOptions())
    let written = try JSONSerialization.jsonObject(with: JSONEncoder().encode(options)) as? NSDictionary
    #expect(try written == JSONSerialization.jsonObject(with: Data(json.utf8)) as? NSDictionary)
  }

  @Test(arguments: [
    (#"{"lr": -1}"#, "lr is -1.0"), (#"{"betas": [1, 0.5]}"#, "betas[0] is 1.0"),
    (#"{"betas": [0.5, -1]}"#, "betas[1] is -1.0"), (#"{"shampoo_beta": 1}"#, "shampoo_beta is 1.0"),
    (#"{"eps": -1}"#, "eps is -1.0"), (#"{"weight_decay": -1}"#, "weight_decay is -1.0"),
    (#"{"precondition_frequency": 0}"#, "precondition_frequency is 0"),
    (#"{"max_precond_dim": -1}"#, "max_precond_dim is -1"),
  ])
  func `A setting out of range is refused by its key`(json: String, message: String) {
    let error = #expect(throws: OptimizerError.self) { try decode(json) }
    #expect(error?.description.hasPrefix(message + ": ") == true, "\(json)")
  }

  @Test func `Unknown settings are refused`() {
    #expect(throws: OptimizerError.self) { try decode(#"{"max_precondition_dim": 4}"#) }
  }

  private func decode(_ json: String) throws -> SOAPOptions {
    try JSONDecoder().decode(SOAPOptions.self, from: Data(json.utf8))
  }
}
