import Foundation
import Optimizers
import Tensors
import Testing

extension LionOptions: ReferenceRule {
  static var folder: String { "lion" }
}

@Suite struct LionTests {
  @Test(arguments: Trajectory<LionOptions>.names, Backend.available)
  func `A trajectory of lion-pytorch is followed`(name: String, backend: Backend) throws {
    try followTrajectory(Trajectory<LionOptions>.load(name), backend: backend)
  }

  @Test(arguments: Trajectory<LionOptions>.names)
  func `The update on a whole tensor follows a trajectory of lion-pytorch`(name: String) throws {
    try followTrajectory(Trajectory<Specification<LionOptions>>.load(name), backend: .swift)
  }

  @Test func `The defaults are lion-pytorch's`() throws {
    #expect(try Trajectory<LionOptions>.load("defaults").groups[0].options == LionOptions())
  }

  @Test func `Settings are read and written under lion-pytorch's names`() throws {
    let json = """
      {"lr": 0.25, "betas": [0.5, 0.75], "weight_decay": 2, "maximize": true, "rounding": "compensated",
       "rounding_seed": 7}
      """
    let options = LionOptions(
      learningRate: 0.25, beta1: 0.5, beta2: 0.75, weightDecay: 2, maximize: true, rounding: .compensated,
      roundingSeed: 7)
    #expect(try settings(json) == options)
    let written = try JSONSerialization.jsonObject(with: JSONEncoder().encode(options)) as? NSDictionary
    let expected = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? NSDictionary
    #expect(written == expected && written != nil)
  }

  @Test(arguments: [
    (#"{"lr": -1}"#, "lr is -1.0"), (#"{"betas": [1, 0.5]}"#, "betas[0] is 1.0"),
    (#"{"betas": [0.5, -1]}"#, "betas[1] is -1.0"), (#"{"betas": [0.5]}"#, "betas is [0.5]"),
    (#"{"weight_decay": -1}"#, "weight_decay is -1.0"), (#"{"eps": 1}"#, #"There is no option "eps""#),
  ])
  func `A setting that does not fit is refused`(json: String, message: String) {
    let error = #expect(throws: OptimizerError.self) { try settings(json) }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
  }

  @Test func `NaN in the gradient makes its element NaN, and a zero moves nothing`() throws {
    let parameter = Parameter("p", Tensor([1, 1, 1, 1], shape: [4]))
    let optimizer = try Lion([parameter], options: .init(learningRate: 0.25))
    parameter.gradient = Tensor([.nan, 0, 1e-30, -5], shape: [4])
    try optimizer.step()
    let values = parameter.value.scalars(as: Float.self)
    #expect(values[0].isNaN && values[1...] == [1, 0.75, 1.25])
  }

  @Test func `maximize uses the negative gradient`() throws {
    let parameter = Parameter("p", Tensor([1, 1], shape: [2]))
    let optimizer = try Lion([parameter], options: .init(learningRate: 0.25, maximize: true))
    parameter.gradient = Tensor([3, -5], shape: [2])
    try optimizer.step()
    #expect(parameter.value == Tensor([1.25, 0.75], shape: [2]))
  }

  private func settings(_ json: String) throws -> LionOptions {
    try JSONDecoder().decode(LionOptions.self, from: Data(json.utf8))
  }
}
