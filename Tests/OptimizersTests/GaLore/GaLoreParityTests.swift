import Foundation
import Optimizers
import Tensors
import TestSupport
import Testing

/// A recorded state with moments of projected gradients.
struct RecordedGaLoreState: RecordedStateOf {
  let recorded: RecordedMomentState

  init(from decoder: any Decoder) throws { recorded = try RecordedMomentState(from: decoder) }

  var state: MomentState { recorded.state }

  /// Compares tensors by their largest element.
  ///
  /// Singular vectors in Float32 are accurate to ε σ₁ / δ, with δ the distance to the next singular value. The recorded
  /// gradients have σ₁ / δ of 5 and 6. With ε = 2⁻²⁴ and two decompositions this is 7·10⁻⁷, plus the error of products of 7
  /// elements. An element of a projected gradient has this error relative to the whole gradient.
  func pairs(with ours: MomentState) -> RecordedPairs {
    #expect(Set(ours.tensors.keys) == Set(recorded.moments.keys))
    for (name, theirs) in recorded.moments.sorted(by: { $0.key < $1.key }) {
      guard let tensor = ours.tensors[name], tensor.shape == Shape(theirs.shape) else {
        Issue.record("\(name): \(ours.tensors[name]?.shape as Any), reference \(theirs.shape)")
        continue
      }
      let largest = theirs.data.values.map(\.magnitude).max() ?? 0
      for (our, their) in zip(tensor.scalars(as: Float.self), theirs.data.values) {
        #expect(abs(our - their) <= 5e-6 * largest, "\(name): \(our), reference \(their)")
      }
    }
    return RecordedPairs(step: (ours.step, recorded.step), positive: [], signed: [])
  }
}

extension GaLoreAdamWOptions: ReferenceRule {
  static var folder: String { "galore_adamw" }
  typealias RecordedState = RecordedGaLoreState
}

extension GaLoreAdafactorOptions: ReferenceRule {
  static var folder: String { "galore_adafactor" }
  typealias RecordedState = RecordedGaLoreState
}

@Suite struct GaLoreParityTests {
  @Test(arguments: Trajectory<GaLoreAdamWOptions>.names, Backend.available)
  func `A trajectory of galore-torch's AdamW is followed`(name: String, backend: Backend) throws {
    try Backend.withDefault(backend) {
      try followTrajectory(Trajectory<GaLoreAdamWOptions>.load(name), backend: backend)
    }
  }

  @Test(arguments: Trajectory<GaLoreAdafactorOptions>.names, Backend.available)
  func `A trajectory of galore-torch's Adafactor is followed`(name: String, backend: Backend) throws {
    try Backend.withDefault(backend) {
      try followTrajectory(Trajectory<GaLoreAdafactorOptions>.load(name), backend: backend)
    }
  }

  @Test func `The defaults are galore-torch's, with transformers' projection`() throws {
    let adamW = try Trajectory<GaLoreAdamWOptions>.load("defaults")
    #expect(adamW.groups[0].options == GaLoreAdamWOptions())
    let adafactor = try Trajectory<GaLoreAdafactorOptions>.load("defaults")
    #expect(adafactor.groups[0].options == GaLoreAdafactorOptions())
  }

  @Test func `Settings are read and written under galore-torch's names`() throws {
    let json = """
      {"lr": 0.25, "betas": [0.5, 0.75], "eps": 0.125, "weight_decay": 2, "correct_bias": false, "rank": 9,
       "update_proj_gap": 5, "scale": 3, "proj_type": "reverse_std", "rounding": "compensated", "rounding_seed": 7}
      """
    let projection = GaLoreProjection(rank: 9, updateGap: 5, scale: 3, kind: .reversed)
    try expect(
      GaLoreAdamWOptions(
        learningRate: 0.25, beta1: 0.5, beta2: 0.75, epsilon: 0.125, weightDecay: 2, biasCorrection: false,
        projection: projection, rounding: .compensated, roundingSeed: 7), json)
    let other = """
      {"lr": 0.25, "eps": [0.5, 0.75], "clip_threshold": 2, "decay_rate": -0.5, "beta1": 0.125, "weight_decay": 3,
       "scale_parameter": false, "relative_step": false, "warmup_init": false, "rank": null, "update_proj_gap": 5,
       "scale": 3, "proj_type": "full", "rounding": "stochastic", "rounding_seed": 7}
      """
    let adafactor = AdafactorOptions(
      learningRate: .constant(0.25), squaredGradientEpsilon: 0.5, parameterScaleEpsilon: 0.75,
      clipThreshold: 2, decayRate: -0.5, beta1: 0.125, weightDecay: 3, scaleParameter: false,
      rounding: .stochastic, roundingSeed: 7)
    try expect(
      GaLoreAdafactorOptions(
        adafactor: adafactor, projection: .init(rank: nil, updateGap: 5, scale: 3, kind: .full)), other)
    #expect(try JSONDecoder().decode(GaLoreAdamWOptions.self, from: Data("{}".utf8)).projection.rank == 128)
  }

  private func expect<Options: Codable & Equatable>(_ options: Options, _ json: String) throws {
    #expect(try JSONDecoder().decode(Options.self, from: Data(json.utf8)) == options)
    let written = try JSONSerialization.jsonObject(with: JSONEncoder().encode(options)) as? NSDictionary
    let expected = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? NSDictionary
    #expect(written == expected && written != nil)
  }

  @Test(arguments: [
    (#"{"lr": -1}"#, "lr is -1.0"), (#"{"betas": [1, 0.5]}"#, "betas[0] is 1.0"),
    (#"{"betas": [0.5, 1]}"#, "betas[1] is 1.0"), (#"{"betas": [0.5]}"#, "betas is [0.5]"),
    (#"{"eps": -1}"#, "eps is -1.0"), (#"{"weight_decay": -1}"#, "weight_decay is -1.0"),
    (#"{"rank": 0}"#, "rank is 0"), (#"{"update_proj_gap": 0}"#, "update_proj_gap is 0"),
    (#"{"scale": -1}"#, "scale is -1.0"), (#"{"proj_type": "random"}"#, #"proj_type is "random""#),
    (#"{"beta": 1}"#, #"There is no option "beta""#),
  ])
  func `A setting that does not fit is refused`(json: String, message: String) {
    let error = #expect(throws: OptimizerError.self) {
      try JSONDecoder().decode(GaLoreAdamWOptions.self, from: Data(json.utf8))
    }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
  }

  @Test(arguments: [
    (#"{"rank": 0}"#, "rank is 0"), (#"{"clip_threshold": 0}"#, "clip_threshold is 0.0"),
    (#"{"lr": 1}"#, "Cannot combine manual `lr` and `relative_step=True` options"),
    (#"{"betas": 1}"#, #"There is no option "betas""#),
  ])
  func `A setting of Adafactor that does not fit is refused`(json: String, message: String) {
    let error = #expect(throws: OptimizerError.self) {
      try JSONDecoder().decode(GaLoreAdafactorOptions.self, from: Data(json.utf8))
    }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
  }
}
