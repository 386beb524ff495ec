import Foundation
import Optimizers
import Tensors
import Testing

extension StableAdamWOptions: ReferenceRule {
  static var folder: String { "stable_adamw" }
}

@Suite struct StableAdamWTests {
  @Test(arguments: Trajectory<StableAdamWOptions>.names, Backend.available)
  func `A trajectory of torch-optimi is followed`(name: String, backend: Backend) throws {
    try followTrajectory(Trajectory<StableAdamWOptions>.load(name), backend: backend)
  }

  @Test func `The defaults are torch-optimi's`() throws {
    #expect(try Trajectory<StableAdamWOptions>.load("defaults").groups[0].options == StableAdamWOptions())
  }

  @Test func `Settings are read and written under torch-optimi's names`() throws {
    let json = """
      {"lr": 0.25, "betas": [0.5, 0.75], "eps": 0.125, "weight_decay": 2, "maximize": true,
       "rounding": "compensated", "rounding_seed": 7}
      """
    let options = StableAdamWOptions(
      learningRate: 0.25, beta1: 0.5, beta2: 0.75, epsilon: 0.125, weightDecay: 2, maximize: true,
      rounding: .compensated, roundingSeed: 7)
    #expect(try settings(json) == options)
    let written = try JSONSerialization.jsonObject(with: JSONEncoder().encode(options)) as? NSDictionary
    let expected = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? NSDictionary
    #expect(written == expected && written != nil)
  }

  @Test(arguments: [
    (#"{"lr": -1}"#, "lr is -1.0"), (#"{"betas": [1, 0.5]}"#, "betas[0] is 1.0"),
    (#"{"betas": [0.5, -1]}"#, "betas[1] is -1.0"), (#"{"betas": [0.5]}"#, "betas is [0.5]"),
    (#"{"eps": -1}"#, "eps is -1.0"), (#"{"weight_decay": -1}"#, "weight_decay is -1.0"),
    (#"{"max_lr": 1}"#, #"There is no option "max_lr""#),
  ])
  func `A setting that does not fit is refused`(json: String, message: String) {
    let error = #expect(throws: OptimizerError.self) { try settings(json) }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
  }

  @Test func `The rate is divided by the RMS of the update over the whole parameter`() throws {
    // After a gradient of 1 with β₂ = ¾: 1 − β̂₂ = 4/7, so v = 3/7 + 4/7·25 = 103/7 and g²/v = 175/103 for the first
    // element, 0 for the second.
    let parameter = Parameter("p", Tensor(scalars: [0, 0] as [Double], shape: [2]))
    let options = StableAdamWOptions(learningRate: 1, beta1: 0, beta2: 0.75, epsilon: 0, weightDecay: 0)
    let optimizer = try StableAdamW([parameter], options: options)
    parameter.gradient = Tensor(scalars: [1, 1] as [Double], shape: [2])
    try optimizer.step()
    #expect(parameter.value.scalars(as: Double.self) == [-1, -1])
    parameter.gradient = Tensor(scalars: [-5, 0] as [Double], shape: [2])
    try optimizer.step()
    let rms = (175.0 / 103 / 2).squareRoot()
    #expect(rms < 1)
    let expected = -1 + 5 / (103.0 / 7).squareRoot()
    #expect(abs(parameter.value.scalars(as: Double.self)[0] - expected) < 1e-14)
    // In a parameter of one element, the RMS is √(175/103) for v = 103/7.
    let single = Parameter("q", Tensor(scalars: [0] as [Double], shape: [1]))
    let clipped = try StableAdamW([single], options: options)
    for gradient in [1.0, -5] {
      single.gradient = Tensor(scalars: [gradient] as [Double], shape: [1])
      try clipped.step()
    }
    let update = 5 / (103.0 / 7).squareRoot() / (175.0 / 103).squareRoot()
    #expect(abs(single.value.scalars(as: Double.self)[0] - (-1 + update)) < 1e-14)
  }

  @Test func `maximize uses the negative gradient`() throws {
    let parameters = ["p", "q"].map { Parameter($0, Tensor(ones: [4])) }
    for (parameter, maximize) in zip(parameters, [false, true]) {
      let optimizer = try StableAdamW([parameter], options: .init(maximize: maximize))
      let gradient = Tensor([1, -2, 3, -4], shape: [4])
      parameter.gradient = maximize ? gradient * -1 : gradient
      try optimizer.step()
    }
    #expect(parameters[0].value == parameters[1].value && parameters[0].value != Tensor(ones: [4]))
  }

  private func settings(_ json: String) throws -> StableAdamWOptions {
    try JSONDecoder().decode(StableAdamWOptions.self, from: Data(json.utf8))
  }
}
