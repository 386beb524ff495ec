import Foundation
import Optimizers
import Tensors
import TestSupport
import Testing

extension MuonOptions: ReferenceRule {
  static var folder: String { "muon" }
}

/// Torch's own parameters after each step, from an iteration that it rounds to BFloat16.
private struct RoundedRecords: Decodable {
  let record: [Record]
  struct Record: Decodable { let bfloat16: [String: Base64Floats] }
}

/// Muon, beside torch and plain loops in Double.
@Suite struct MuonTests {
  @Test(arguments: Trajectory<MuonOptions>.names, Backend.available)
  func `A trajectory of torch is followed, in the Frobenius norm`(name: String, backend: Backend) throws {
    let reference = try Trajectory<MuonOptions>.load(name)
    let file = Trajectory<MuonOptions>.directory.appending(path: "muon/\(name).json")
    let rounded = try JSONDecoder().decode(RoundedRecords.self, from: Data(contentsOf: file)).record
    let run = try TrajectoryRun(reference, backend: backend)
    for (index, step) in reference.steps.enumerated() {
      try run.take(step)
      for (name, expected) in reference.record[index].parameters {
        let ours = run.parameters[name]!.value.doubles
        let theirs = expected.values.map(Double.init)
        #expect(ours.map(\.isNaN) == theirs.map(\.isNaN))
        if theirs.contains(where: \.isNaN) { continue }
        let initial = run.initial[name]!.map(Double.init)
        let displacement = distance(theirs, initial)
        // Each step rounds the parameter to half a unit in the last place on both sides, and the decay its factor.
        let rounding = Double(index + 1) * 2 * norm(theirs) * Double(Float.ulpOfOne)
        let bound = 1e-5 * displacement + rounding
        #expect(distance(ours, theirs) <= bound, "\(name) after step \(index + 1)")
        // Torch itself: no further than it is from the iteration without BFloat16.
        let torch = rounded[index].bfloat16[name]!.values.map(Double.init)
        #expect(distance(ours, torch) <= distance(theirs, torch) + bound)
      }
      for states in reference.states where states.afterStep == index + 1 { run.compareStates(with: states) }
    }
  }

  /// X after the iteration, in plain loops, always with A = XXᵀ.
  private func oracle(_ x: [[Double]], _ coefficients: [(Double, Double, Double)]) -> [[Double]] {
    func product(_ x: [[Double]], _ y: [[Double]]) -> [[Double]] {
      x.map { row in y[0].indices.map { j in row.indices.reduce(0) { $0 + row[$1] * y[$1][j] } } }
    }
    let size = x.joined().reduce(0) { $0 + $1 * $1 }.squareRoot()
    var x = x.map { $0.map { $0 / max(size, 1e-7) } }
    for (a, b, c) in coefficients {
      let gram = product(x, x[0].indices.map { j in x.map { $0[j] } })
      let square = product(gram, gram)
      let change = product(zip(gram, square).map { zip($0, $1).map { b * $0 + c * $1 } }, x)
      x = zip(x, change).map { zip($0, $1).map { a * $0 + $1 } }
    }
    return x
  }

  @Test(arguments: [[17, 17], [9, 31], [31, 9], [1, 13], [13, 1]] as [Shape], Backend.available)
  func `A step agrees with plain loops to 1e-5 in the Frobenius norm`(shape: Shape, backend: Backend) throws {
    let triples: [(NewtonSchulzCoefficients, [(Double, Double, Double)])] = [
      (.simple, Array(repeating: (3.4445, -4.775, 2.0315), count: 5)),
      (.constant(1.5, -0.5, 0), Array(repeating: (1.5, -0.5, 0), count: 5)),
    ]
    for (coefficients, steps) in triples {
      for type in [ScalarType.float32, .float64] {
        var numbers = TestNumbers(seed: 3)
        let gradient = numbers.array(shape.elementCount)
        let parameter = Parameter("p", Tensor(zeros: shape, as: type))
        parameter.gradient = Tensor(gradient, shape: shape).converted(to: type)
        let options = Muon.Options(
          learningRate: 1, weightDecay: 0, momentum: 0, nesterov: false,
          orthogonalization: .newtonSchulz(coefficients: coefficients), adjustment: .original)
        try Muon([parameter], options: options, backend: backend).step()
        let factor = max(1, Double(shape[0]) / Double(shape[1])).squareRoot()
        let rows = (0..<shape[0]).map { i in (0..<shape[1]).map { Double(gradient[i * shape[1] + $0]) } }
        let expected = oracle(rows, steps).joined().map { -factor * $0 }
        let bound = (type == .float64 ? 1e-12 : 1e-5) * norm(expected)
        #expect(distance(parameter.value.doubles, expected) <= bound, "\(coefficients) \(type)")
      }
    }
  }

  @Test(arguments: [[12, 12], [5, 20], [20, 5]] as [Shape], Backend.available)
  func `The polar factor has orthogonal rows or columns, and drops directions of rank`(
    shape: Shape, backend: Backend
  ) throws {
    var numbers = TestNumbers(seed: 4)
    let full = Tensor(numbers.array(shape.elementCount), shape: shape)
    let deficient = Tensor(numbers.array(shape[0] * 3), shape: [shape[0], 3]).matmul(
      Tensor(numbers.array(3 * shape[1]), shape: [3, shape[1]]))
    for (gradient, rank) in [(full, min(shape[0], shape[1])), (deficient, 3)] {
      let parameter = Parameter("p", Tensor(zeros: shape))
      parameter.gradient = gradient
      try Muon(
        [parameter],
        options: .init(
          learningRate: 1, weightDecay: 0, momentum: 0, orthogonalization: .polar,
          adjustment: .spectralUnclamped), backend: backend
      ).step()
      let scale = (Double(shape[0]) / Double(shape[1])).squareRoot()
      let factor = parameter.value.converted(to: .float64) * (-1 / scale)
      // A partial isometry: F Fᵀ F = F, and ‖F‖² is the rank.
      let again = factor.symmetricProduct().matmul(factor)
      #expect(distance(again.doubles, factor.doubles) <= 1e-5)
      #expect(abs(factor.sumOfSquares() - Double(rank)) <= 1e-5)
    }
  }

  @Test func `Other shapes than matrices are refused when the optimizer is made, with torch's statement`()
    throws
  {
    let parameters = [Parameter("w", Tensor(ones: [2, 2])), Parameter("b", Tensor(ones: [3]))]
    let error = #expect(throws: OptimizerError.self) { try Muon(parameters) }
    #expect(
      error?.description.hasPrefix("The parameter \"b\" has the shape [3]: Muon only supports 2D parameters")
        == true)
    let optimizer = try Muon([parameters[0]])
    #expect(throws: OptimizerError.self) { try optimizer.addGroup(.init([parameters[1]], options: .init())) }
    #expect(optimizer.groupCount == 1)
    parameters[0].value = Tensor(ones: [4])
    parameters[0].gradient = Tensor(ones: [4])
    #expect(throws: OptimizerError.self) { try optimizer.step() }
  }

  @Test func `One call divides hidden matrices from the rest`() throws {
    let names = ["embed.weight", "h.weight", "h.bias", "lm_head"]
    let shapes: [Shape] = [[5, 4], [4, 4], [4], [5, 4]]
    let parameters = zip(names, shapes).map { Parameter($0, Tensor(ones: $1)) }
    func make(_ patterns: [String]) throws -> MultiOptimizer {
      try MultiOptimizer(
        parameters, hiddenMatrices: Muon.Options(), rest: AdamW.Options(), excluding: patterns)
    }
    let groups = try make(["^embed", "head"]).groups
    #expect(
      groups.map { $0.parameters.map(\.name) } == [["h.weight"], ["embed.weight", "h.bias", "lm_head"]])
    #expect(groups[0].anyOptions is MuonOptions && groups[1].anyOptions is AdamWOptions)
    #expect(throws: OptimizerError.unmatchedPattern("haed")) { try make(["embed", "haed"]) }
    #expect(throws: OptimizerError.noHiddenMatrices(excluding: ["."])) { try make(["."]) }
  }

  @Test(arguments: [
    #"{"ns_coefficients": [1, 2]}"#, #"{"ns_coefficients": "none"}"#, #"{"ns_steps": 100}"#,
    #"{"adjust_lr_fn": "other"}"#, #"{"orthogonalization": "polar", "ns_steps": 5}"#, #"{"momentum": 1}"#,
    #"{"ns_coefficients": "cubic5", "ns_steps": 6}"#, #"{"betas": [0, 0]}"#,
  ])
  func `Settings that do not fit are refused`(json: String) {
    #expect(throws: OptimizerError.self) {
      try JSONDecoder().decode(MuonOptions.self, from: Data(json.utf8))
    }
  }

  @Test func `The defaults are torch's, and settings survive encoding`() throws {
    #expect(try Trajectory<MuonOptions>.load("defaults").groups[0].options == MuonOptions())
    for options in [
      MuonOptions(orthogonalization: .polar, adjustment: .matchRMSAdamW),
      MuonOptions(orthogonalization: .newtonSchulz(coefficients: .deepSeekV4, steps: 10, epsilon: 1e-3)),
    ] {
      let data = try JSONEncoder().encode(options)
      #expect(try JSONDecoder().decode(MuonOptions.self, from: data) == options)
    }
  }
}

private func norm(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
private func distance(_ x: [Double], _ y: [Double]) -> Double { norm(zip(x, y).map { $0 - $1 }) }
