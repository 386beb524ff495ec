import Optimizers
import Tensors
import TestSupport
import Testing

/// Steps of Muon compared with plain loops in Double, and at the edges of its range.
@Suite struct MuonStepTests {
  static let shapes: [Shape] = [[17, 17], [9, 31], [31, 9], [1, 13], [13, 1], [1, 1]]

  /// It compares the change of each step, so that earlier steps hide nothing.
  @Test(arguments: MuonAdjustment.allCases, Backend.available)
  func `Each step agrees with plain loops to 1e-5 in the relative Frobenius norm`(
    adjustment: MuonAdjustment, backend: Backend
  ) throws {
    for (coefficients, steps) in [((3.4445, -4.775, 2.0315), 5), ((1.5, -0.5, 0.0), 7)] {
      let options = Muon.Options(
        learningRate: 0.5, weightDecay: 0.2, momentum: 0.8, nesterov: steps == 5,
        orthogonalization: .newtonSchulz(
          coefficients: .constant(coefficients.0, coefficients.1, coefficients.2), steps: steps),
        adjustment: adjustment)
      for shape in Self.shapes {
        for type in [ScalarType.float32, .float64] {
          var numbers = TestNumbers(seed: 3)
          let parameter = Parameter(
            "p", Tensor(numbers.array(shape.elementCount), shape: shape).converted(to: type))
          let optimizer = try Muon([parameter], options: options, backend: backend)
          var oracle = MuonOracle(parameter.value.doubles, rows: shape[0], columns: shape[1])
          for step in 1...4 {
            let gradient = Tensor(numbers.array(shape.elementCount), shape: shape)
            parameter.gradient = gradient.converted(to: type)
            let (before, oracleBefore) = (parameter.value.doubles, oracle.parameter)
            try optimizer.step()
            oracle.take(gradient.doubles, options, coefficients, steps: steps, epsilon: 1e-7)
            let ours = zip(parameter.value.doubles, before).map { $0 - $1 }
            let expected = zip(oracle.parameter, oracleBefore).map { $0 - $1 }
            // The decayed parameter and the new one are rounded by half a unit in the last place.
            let rounding = 2 * 0x1p-24 * (norm(oracleBefore) + norm(oracle.parameter))
            let bound = type == .float64 ? 1e-12 * norm(expected) : 1e-5 * norm(expected) + rounding
            #expect(distance(ours, expected) <= bound, "\(shape) \(type) step \(step)")
          }
          let buffer = optimizer.state(of: parameter)!["momentum_buffer"]
          #expect(distance(buffer.doubles, oracle.buffer) <= 1e-6 * norm(oracle.buffer))
        }
      }
    }
  }

  @Test(arguments: [.newtonSchulz(), .polar] as [MuonOrthogonalization], Backend.available)
  func `A gradient of zeros only decays, and tensors without elements are stepped`(
    method: MuonOrthogonalization, backend: Backend
  ) throws {
    let parameters = [[3, 4], [0, 3], [3, 0]].map { Parameter("\($0)", Tensor(ones: Shape($0))) }
    for parameter in parameters { parameter.gradient = Tensor(zeros: parameter.value.shape) }
    let options = Muon.Options(learningRate: 0.5, weightDecay: 0.5, orthogonalization: method)
    try Muon(parameters, options: options, backend: backend).step()
    #expect(parameters[0].value.doubles == Array(repeating: 0.75, count: 12))
  }

  @Test(arguments: [.newtonSchulz(), .polar] as [MuonOrthogonalization], Backend.available)
  func `NaN and infinity make their whole matrix NaN, or follow the policy`(
    method: MuonOrthogonalization, backend: Backend
  ) throws {
    for value in [Double.nan, .infinity] {
      for policy in [NonFinitePolicy.propagate, .skipParameter, .skipStep, .throwError] {
        let parameters = ["bad", "good"].map { Parameter($0, Tensor(ones: [3, 4])) }
        for parameter in parameters { parameter.gradient = Tensor(ones: [3, 4]) }
        parameters[0].gradient![1, 2] = value
        let optimizer = try Muon(
          parameters, options: .init(orthogonalization: method), nonFinitePolicy: policy, backend: backend)
        if policy == .throwError {
          #expect(throws: OptimizerError.nonFiniteGradient(parameter: "bad")) { try optimizer.step() }
        } else {
          try optimizer.step()
        }
        let changed = parameters.map { $0.value != Tensor(ones: [3, 4]) }
        #expect(changed == [policy == .propagate, policy == .propagate || policy == .skipParameter])
        if policy == .propagate { #expect(parameters[0].value.doubles.allSatisfy { $0.isNaN }) }
      }
    }
  }

  @Test(arguments: [[12, 12], [5, 20], [20, 5]] as [Shape], Backend.available)
  func `The polar factor is a partial isometry with the gradient's rank`(
    shape: Shape, backend: Backend
  ) throws {
    var numbers = TestNumbers(seed: 4)
    let full = Tensor(numbers.array(shape.elementCount), shape: shape)
    let deficient = Tensor(numbers.array(shape[0] * 3), shape: [shape[0], 3]).matmul(
      Tensor(numbers.array(3 * shape[1]), shape: [3, shape[1]]))
    for (gradient, rank) in [(full, min(shape[0], shape[1])), (deficient, 3)] {
      for scale in [1e-15, 1, 1e15] {
        let parameter = Parameter("p", Tensor(zeros: shape))
        parameter.gradient = gradient * scale
        let options = Muon.Options(
          learningRate: 1, weightDecay: 0, momentum: 0, orthogonalization: .polar,
          adjustment: .spectralUnclamped)
        try Muon([parameter], options: options, backend: backend).step()
        let ratio = (Double(shape[0]) / Double(shape[1])).squareRoot()
        let factor = parameter.value.converted(to: .float64) * (-1 / ratio)
        // F Fᵀ F = F, ‖F‖² is the rank, and Fᵀ G is symmetric with the trace Σσ, which is the sum of singular values.
        let again = factor.symmetricProduct().matmul(factor)
        #expect(distance(again.doubles, factor.doubles) <= 1e-5)
        #expect(abs(factor.sumOfSquares() - Double(rank)) <= 1e-5)
        let sum = try parameter.gradient!.converted(to: .float64).svd().values.doubles.reduce(0, +)
        #expect(abs(factor.dot(parameter.gradient!.converted(to: .float64)) - sum) <= 1e-5 * sum)
      }
    }
  }

  /// A rule's tensors are Float32, so only the stored parameter is rounded: by 2⁻⁹ or 2⁻¹² of a number below 2.
  @Test(arguments: [(ScalarType.bfloat16, 0x1p-8), (.float16, 0x1p-11)], Backend.available)
  func `16-bit parameters take Float32 steps`(type: (ScalarType, Double), backend: Backend) throws {
    var numbers = TestNumbers(seed: 8)
    let values = Tensor(numbers.array(48), shape: [6, 8]).converted(to: type.0)
    let gradient = Tensor(numbers.array(48), shape: [6, 8]).converted(to: type.0)
    let parameters = [Parameter("16", values), Parameter("32", values.converted(to: .float32))]
    for parameter in parameters {
      parameter.gradient = gradient.converted(to: parameter.value.scalarType)
    }
    let optimizer = try Muon(parameters, options: .init(learningRate: 0.1), backend: backend)
    try optimizer.step()
    expectAgreement("parameter", parameters[0].value.doubles, parameters[1].value.doubles) { _ in type.1 }
    let buffers = parameters.map { optimizer.state(of: $0)!["momentum_buffer"] }
    #expect(buffers[0].bits == buffers[1].bits && buffers[0].scalarType == .float32)
  }

  @Test func `The quintic set starts again after five steps`() throws {
    // From leloykun's article. The only singular value of a number is 1 after the normalization.
    let coefficients = [
      (4.0848, -6.8946, 2.9270), (3.9505, -6.3029, 2.6377), (3.7418, -5.5913, 2.3037),
      (2.8769, -3.1427, 1.2046), (2.8366, -3.0525, 1.2012),
    ]
    var σ = 1.0
    for (a, b, c) in coefficients + coefficients { σ = a * σ + b * σ * σ * σ + c * σ * σ * σ * σ * σ }
    let parameter = Parameter("p", Tensor(repeating: 0, shape: [1, 1], as: .float64))
    parameter.gradient = Tensor(repeating: 3, shape: [1, 1], as: .float64)
    let options = MuonOptions(
      learningRate: 1, orthogonalization: .newtonSchulz(coefficients: .quintic, steps: 10))
    try Muon([parameter], options: options).step()
    #expect(abs(parameter.value[0, 0] + σ) < 1e-12)
  }

  @Test func `Shapes other than matrices are refused before anything is stepped`() throws {
    let parameters = [Parameter("w", Tensor(ones: [2, 2])), Parameter("b", Tensor(ones: [3]))]
    let error = #expect(throws: OptimizerError.self) { try Muon(parameters) }
    #expect(
      error?.description.hasPrefix(
        "The parameter \"b\" has the shape [3]: Muon only supports 2D parameters. Step it with AdamW") == true
    )
    let optimizer = try Muon([parameters[0]])
    #expect(throws: OptimizerError.self) { try optimizer.addGroup(.init([parameters[1]], options: .init())) }
    #expect(optimizer.groupCount == 1)
    // A value that is replaced with one of another shape.
    let reshaped = [Parameter("a", Tensor(ones: [2, 2])), Parameter("c", Tensor(ones: [2, 2]))]
    let second = try Muon(reshaped)
    reshaped[1].value = Tensor(ones: [4])
    for parameter in reshaped { parameter.gradient = Tensor(ones: parameter.value.shape) }
    #expect(throws: OptimizerError.self) { try second.step() }
    #expect(reshaped[0].value == Tensor(ones: [2, 2]) && second.stateByteCount == 0)
  }
}
