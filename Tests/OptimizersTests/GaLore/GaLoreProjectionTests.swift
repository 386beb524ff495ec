import Optimizers
import Tensors
import TestSupport
import Testing

/// The projection of GaLore, and states that include it.
@Suite struct GaLoreProjectionTests {
  private static let kinds: [(GaLoreProjection.Kind, Shape, [String: Shape])] = [
    (.standard, [9, 4], ["projector_right": [3, 4]]), (.standard, [4, 9], ["projector_left": [4, 3]]),
    (.reversed, [9, 4], ["projector_left": [9, 3]]), (.reversed, [4, 9], ["projector_right": [3, 9]]),
    (.left, [9, 4], ["projector_left": [9, 3]]), (.right, [9, 4], ["projector_right": [3, 4]]),
    (.full, [9, 4], ["projector_left": [9, 3], "projector_right": [3, 4]]),
  ]

  private func gradient(_ shape: Shape, _ seed: UInt64 = 3, as type: ScalarType = .float32) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return Tensor(normal: shape, as: type, using: &generator)
  }

  @Test(arguments: kinds, Backend.available)
  func `Projectors are the first singular vectors, and their sizes are included in the memory of a state`(
    kind: (GaLoreProjection.Kind, Shape, [String: Shape]), backend: Backend
  ) throws {
    let (kind, shape, projectors) = kind
    let parameter = Parameter("w", gradient(shape, 1))
    let options = GaLoreAdamWOptions(projection: .init(rank: 3, kind: kind))
    let optimizer = try GaLoreAdamW([parameter], options: options, backend: backend)
    let g = gradient(shape)
    parameter.gradient = g
    try optimizer.step()
    let state = try #require(optimizer.state(of: parameter))
    let projected: Shape = [
      projectors["projector_left"] == nil ? shape[0] : 3, projectors["projector_right"] == nil ? shape[1] : 3,
    ]
    let moments = ["exp_avg": projected, "exp_avg_sq": projected]
    #expect(state.tensors.mapValues(\.shape) == projectors.merging(moments) { $1 })
    // Computed directly: ‖Uᵀ G‖² is the sum of the three largest squares of singular values, and U is orthonormal.
    let squares = try g.svd().values.doubles.prefix(3).map { $0 * $0 }.reduce(0, +)
    for (name, p) in state.tensors where projectors[name] != nil {
      let rows = name == "projector_right" ? p : p.transposed()
      let product = rows.matmul(rows, otherTransposed: true)
      for i in 0..<3 { for j in 0..<3 { #expect(abs(product[i, j] - (i == j ? 1 : 0)) <= 1e-6) } }
      let part =
        name == "projector_right" ? g.matmul(p, otherTransposed: true) : p.matmul(g, transposed: true)
      #expect(abs(part.sumOfSquares() - squares) <= 1e-5 * squares)
      for i in 0..<3 { #expect(rows.rows(at: [i]).doubles.max { abs($0) < abs($1) }! > 0) }
    }
  }

  @Test
  func `A rank above the shorter axis is limited to it, even for the kind with which the reference fails`()
    throws
  {
    let parameter = Parameter("w", gradient([4, 9], 1))
    let projection = GaLoreProjection(rank: 7, scale: 1, kind: .reversed)
    let optimizer = try GaLoreAdamW(
      [parameter], options: .init(learningRate: 0.5, epsilon: 0, projection: projection))
    let before = parameter.value
    parameter.gradient = gradient([4, 9])
    try optimizer.step()
    let state = try #require(optimizer.state(of: parameter))
    #expect(state.tensors["projector_right"]?.shape == [4, 9] && state.tensors["exp_avg"]?.shape == [4, 4])
    // In the first step, every element of the projected update is a sign: 16 elements of 0.5 each.
    #expect(abs((parameter.value - before).sumOfSquares() - 16 * 0.25) <= 1e-4)
  }

  @Test func `Only matrices are projected`() throws {
    func step(_ rank: Int?, _ shape: Shape) throws -> [Bits] {
      func step<Rule: UpdateRule>(_ options: Rule) throws -> Bits {
        let parameter = Parameter("w", gradient(shape, 1))
        let optimizer = try RuleOptimizer([parameter], options: options)
        for seed in UInt64(0)..<3 {
          parameter.gradient = gradient(shape, seed)
          try optimizer.step()
        }
        #expect(optimizer.stateByteCount > 0)
        return parameter.value.bits
      }
      let projection = GaLoreProjection(rank: rank, updateGap: 2)
      return try [
        step(GaLoreAdamWOptions(projection: projection)),
        step(GaLoreAdafactorOptions(adafactor: .init(beta1: 0.9), projection: projection)),
      ]
    }
    for shape in [[], [5], [2, 3, 4]] as [Shape] { #expect(try step(2, shape) == step(nil, shape)) }
    for (projected, whole) in try zip(step(2, [5, 4]), step(nil, [5, 4])) { #expect(projected != whole) }
  }

  @Test func `A changed rank or kind affects only parameters without a state`() throws {
    let parameters = ["old", "new"].map { Parameter($0, gradient([6, 5], 1)) }
    let optimizer = try GaLoreAdafactor(
      parameters, options: .init(adafactor: .init(beta1: 0.9), projection: .init(rank: 2, updateGap: 1)))
    parameters[0].gradient = gradient([6, 5])
    try optimizer.step()
    try optimizer.updateOptions(ofGroup: 0) { ($0.projection.rank, $0.projection.kind) = (3, .left) }
    // Set it again, so that it is checked.
    try optimizer.setState(optimizer.state(of: parameters[0]), of: parameters[0])
    for parameter in parameters { parameter.gradient = gradient([6, 5], 4) }
    try optimizer.step()
    let states = try parameters.map { try #require(optimizer.state(of: $0)).tensors.mapValues(\.shape) }
    #expect(states[0]["projector_right"] == [2, 5] && states[0]["exp_avg"] == [6, 2])
    #expect(states[1]["projector_left"] == [6, 3] && states[1]["exp_avg"] == [3, 5])
  }

  @Test func `A state with parts that do not fit each other is refused`() throws {
    let parameter = Parameter("w", gradient([6, 5], 1))
    let optimizer = try GaLoreAdamW([parameter], options: .init(projection: .init(rank: 2, kind: .full)))
    parameter.gradient = gradient([6, 5])
    try optimizer.step()
    let state = try #require(optimizer.state(of: parameter))
    let changes: [(String, Tensor?, Shape?)] = [
      ("projector_left", Tensor(zeros: [6, 3]), [6, 2]), ("projector_right", Tensor(zeros: [2, 6]), [2, 5]),
      ("exp_avg", Tensor(zeros: [2, 3]), [2, 2]), ("exp_avg_sq", nil, [2, 2]),
      ("exp_avg_sq_row", Tensor(zeros: [2]), nil), ("projector_left", Tensor(zeros: []), nil),
    ]
    for (name, tensor, _) in changes {
      var changed = state
      changed.tensors[name] = tensor
      let error = #expect(throws: OptimizerError.self, "\(name)") {
        try optimizer.setState(changed, of: parameter)
      }
      guard case .stateShape = error else {
        Issue.record("\(name): \(error as Any)")
        continue
      }
    }
    var changed = state
    changed.tensors["projector_left"] = nil
    #expect(throws: OptimizerError.self) { try optimizer.setState(changed, of: parameter) }
    #expect(optimizer.state(of: parameter) == state)
  }

  @Test(arguments: Backend.available)
  func `A gradient that is not finite has no singular vectors: the parameter is NaN, its state unchanged`(
    backend: Backend
  ) throws {
    for value in [Float.nan, .infinity] {
      let parameter = Parameter("w", gradient([6, 5], 1))
      let optimizer = try GaLoreAdamW(
        [parameter], options: .init(projection: .init(rank: 2, updateGap: 1)), backend: backend)
      parameter.gradient = gradient([6, 5])
      try optimizer.step()
      let state = optimizer.state(of: parameter)
      var values = gradient([6, 5]).scalars(as: Float.self)
      values[7] = value
      parameter.gradient = Tensor(values, shape: [6, 5])
      try optimizer.step()
      #expect(parameter.value.doubles.allSatisfy { $0.isNaN })
      #expect(optimizer.state(of: parameter) == state)
    }
  }

  @Test(arguments: GaLoreProjection.Kind.allCases, Backend.available)
  func `Gradients of zeros move nothing, and gradients of low rank keep the parameter finite`(
    kind: GaLoreProjection.Kind, backend: Backend
  ) throws {
    let projection = GaLoreProjection(rank: 3, updateGap: 1, kind: kind)
    func check(_ options: some UpdateRule) throws {
      let parameter = Parameter("w", gradient([6, 5], 1))
      let optimizer = try RuleOptimizer([parameter], options: options, backend: backend)
      let before = parameter.value
      for _ in 0..<2 {
        parameter.gradient = Tensor(zeros: [6, 5])
        try optimizer.step()
      }
      #expect(parameter.value == before)
      // Rank 1.
      parameter.gradient = gradient([6, 1]).matmul(gradient([1, 5], 2))
      try optimizer.step()
      #expect(parameter.value != before && parameter.value.doubles.allSatisfy { $0.isFinite })
    }
    try check(GaLoreAdamWOptions(projection: projection))
    try check(GaLoreAdafactorOptions(adafactor: .init(beta1: 0.9), projection: projection))
  }

  @Test func `A Float64 parameter is projected in Float64`() throws {
    let parameter = Parameter("w", gradient([6, 5], 1, as: .float64))
    let optimizer = try GaLoreAdafactor([parameter], options: .init(projection: .init(rank: 2)))
    parameter.gradient = gradient([6, 5], as: .float64)
    try optimizer.step()
    let projector = try #require(optimizer.state(of: parameter)?.tensors["projector_right"])
    #expect(projector.scalarType == .float64)
    let product = projector.matmul(projector, otherTransposed: true)
    #expect(abs(product[0, 0] - 1) <= 1e-15 && abs(product[0, 1]) <= 1e-15)
  }
}
