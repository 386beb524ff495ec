import Foundation
import Optimizers
import Tensors
import Testing

extension CAMEOptions: ReferenceRule {
  static var folder: String { "came" }
}

@Suite struct CAMETests {
  @Test(arguments: Trajectory<CAMEOptions>.names, Backend.available)
  func `A trajectory of came-pytorch is followed`(name: String, backend: Backend) throws {
    try followTrajectory(Trajectory<CAMEOptions>.load(name), backend: backend)
  }

  @Test func `The defaults are came-pytorch's`() throws {
    #expect(try Trajectory<CAMEOptions>.load("defaults").groups[0].options == CAMEOptions())
  }

  @Test func `Settings are read and written under came-pytorch's names`() throws {
    let json = """
      {"lr": 0.25, "betas": [0.5, 0.75, 0.625], "eps": [0.125, 0.375], "clip_threshold": 3, "weight_decay": 2,
       "rounding": "compensated", "rounding_seed": 7}
      """
    let options = CAMEOptions(
      learningRate: 0.25, beta1: 0.5, beta2: 0.75, beta3: 0.625, squaredGradientEpsilon: 0.125,
      residualEpsilon: 0.375, clipThreshold: 3, weightDecay: 2, rounding: .compensated, roundingSeed: 7)
    #expect(try settings(json) == options)
    let written = try JSONSerialization.jsonObject(with: JSONEncoder().encode(options)) as? NSDictionary
    let expected = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? NSDictionary
    #expect(written == expected && written != nil)
  }

  @Test(arguments: [
    (#"{"lr": -1}"#, "lr is -1.0"), (#"{"betas": [1, 0.5, 0.5]}"#, "betas[0] is 1.0"),
    (#"{"betas": [0.5, -1, 0.5]}"#, "betas[1] is -1.0"), (#"{"betas": [0.5, 0.5, 1]}"#, "betas[2] is 1.0"),
    (#"{"betas": [0.5, 0.5]}"#, "betas is [0.5, 0.5]"), (#"{"eps": [-1, 0]}"#, "eps[0] is -1.0"),
    (#"{"eps": [0, -1]}"#, "eps[1] is -1.0"), (#"{"clip_threshold": 0}"#, "clip_threshold is 0.0"),
    (#"{"weight_decay": -1}"#, "weight_decay is -1.0"), (#"{"beta": 1}"#, #"There is no option "beta""#),
  ])
  func `A setting that does not fit is refused`(json: String, message: String) {
    let error = #expect(throws: OptimizerError.self) { try settings(json) }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
  }

  private func settings(_ json: String) throws -> CAMEOptions {
    try JSONDecoder().decode(CAMEOptions.self, from: Data(json.utf8))
  }
}
