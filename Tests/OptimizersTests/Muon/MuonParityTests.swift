import Foundation
import Optimizers
import Tensors
import TestSupport
import Testing

extension MuonOptions: ReferenceRule {
  static var folder: String { "muon" }
}

/// Matrices after the Newton–Schulz iteration of pytorch-optimizer in Float32, and of torch in BFloat16.
private struct Orthogonalized: Decodable {
  let cases: [Case]

  struct Case: Decodable {
    let shape: [Int]
    /// The condition number of well-conditioned matrices.
    let condition: Double?
    let matrix: Base64Floats
    let torch: Base64Floats
    let results: [Result]
  }

  struct Result: Decodable {
    let settings: MuonOptions
    let result: Base64Floats
  }

  static func load() throws -> [Case] {
    let file = Trajectory<MuonOptions>.directory.appending(path: "muon-orthogonalized.json")
    return try JSONDecoder().decode(Self.self, from: Data(contentsOf: file)).cases
  }
}

/// Muon compared with torch and pytorch-optimizer, in the Frobenius norm. The iteration multiplies small singular values,
/// and the rounding errors in their directions, by up to 485, so bounds for single elements would be meaningless.
@Suite struct MuonParityTests {
  @Test(arguments: Trajectory<MuonOptions>.names, Backend.available)
  func `A trajectory of torch with the iteration in Float32 is followed`(
    name: String, backend: Backend
  ) throws {
    let reference = try Trajectory<MuonOptions>.load(name)
    let run = try TrajectoryRun(reference, backend: backend)
    for (index, step) in reference.steps.enumerated() {
      try run.take(step)
      for (name, expected) in reference.record[index].parameters {
        let (ours, theirs) = (run.parameters[name]!.value.doubles, expected.values.map(Double.init))
        #expect(ours.map(\.isNaN) == theirs.map(\.isNaN), "\(name) after step \(index + 1)")
        if theirs.contains(where: \.isNaN) { continue }
        let displacement = distance(theirs, run.initial[name]!.map(Double.init))
        // Each step rounds the decayed parameter and the new one by half a unit in the last place on both sides: 4 roundings.
        let rounding = Double(4 * (index + 1)) * 0x1p-24 * max(norm(theirs), displacement)
        let difference = distance(ours, theirs)
        #expect(difference <= 1e-5 * displacement + rounding, "\(name) after step \(index + 1)")
      }
      for states in reference.states where states.afterStep == index + 1 { run.compareStates(with: states) }
    }
  }

  @Test(arguments: Backend.available)
  func `Each set of coefficients gives pytorch-optimizer's matrices`(backend: Backend) throws {
    for item in try Orthogonalized.load() {
      for each in item.results {
        guard case .newtonSchulz(let set, let steps, _) = each.settings.orthogonalization else { continue }
        let expected = each.result.values.map(Double.init)
        let ours = try orthogonalized(item, each.settings.orthogonalization, backend)
        // Without a condition number, singular values may be zero. Rounding errors in their directions, two of half a unit
        // of ‖X‖ = 1, are multiplied by the first coefficient of each step.
        let rounding = item.condition == nil ? 2 * 0x1p-24 * growth(set, steps) : 0
        #expect(
          distance(ours, expected) <= 1e-5 * norm(expected) + rounding,
          "\(item.shape) \(set) \(steps): \(distance(ours, expected) / norm(expected))")
      }
    }
  }

  /// Torch rounds to BFloat16, with an error of at most u = 2⁻⁹ of each number. Independent errors add up in squares.
  ///
  /// Before the iteration, it rounds the matrix, its norm and the quotient: √3 u of ‖X‖ = 1. For singular values of at least s,
  /// no difference grows by more than 1.2/s, because they end below 1.2. The condition number κ gives s ≥ 1/(κ√r), and the
  /// result is at least 0.68 √r. Relative to it, the error is at most √3 · 1.2/0.68 · κ u. Each of 5 steps rounds A, which
  /// changes values near 1 by |b| + 2|c| = 8.8 u, then bA + cA² by |b − c| = 2.7 u, as their difference, and X by u: together
  /// 9.3 u. Relative errors of values near 1 stay about the same in later steps. For κ = 4 the sum is 4.7 %, for vectors 4.1 %.
  @Test(arguments: Backend.available)
  func `Torch's own matrices agree within the accuracy of its BFloat16`(backend: Backend) throws {
    for item in try Orthogonalized.load() {
      guard let condition = item.condition else { continue }
      let theirs = item.torch.values.map(Double.init)
      let ours = try orthogonalized(item, .newtonSchulz(), backend)
      let difference = distance(ours, theirs) / norm(theirs)
      let (before, during) = (1.2 / 0.68 * condition, 9.3)
      let bound = (3 * before * before + 5 * during * during).squareRoot() * 0x1p-9
      #expect(difference <= bound, "\(item.shape): \(difference)")
    }
  }

  /// Returns the matrix: a step from zero at rate 1, without momentum, decay and a factor of the shape.
  private func orthogonalized(
    _ item: Orthogonalized.Case, _ method: MuonOrthogonalization, _ backend: Backend
  ) throws -> [Double] {
    let shape = Shape(item.shape)
    let parameter = Parameter("p", Tensor(zeros: shape))
    parameter.gradient = Tensor(item.matrix.values, shape: shape)
    let options = Muon.Options(
      learningRate: 1, weightDecay: 0, momentum: 0, nesterov: false, orthogonalization: method)
    try Muon([parameter], options: options, backend: backend).step()
    let factor = max(1, Double(item.shape[0]) / Double(item.shape[1])).squareRoot()
    return parameter.value.doubles.map { $0 / -factor }
  }

  /// Returns the product of the first coefficients.
  private func growth(_ set: NewtonSchulzCoefficients, _ steps: Int) -> Double {
    switch set {
    case .constant(let a, _, _): (0..<steps).reduce(1) { product, _ in product * a }
    case .quintic: 493
    case .polarExpress: steps == 5 ? 976 : 6363 * 1.875 * 1.875
    case .deepSeekV4: 79_263
    case .cubic5: 119.4
    }
  }
}
