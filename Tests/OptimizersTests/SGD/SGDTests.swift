import Foundation
import Optimizers
import Tensors
import Testing

extension SGDOptions: ReferenceRule {
  static var folder: String { "sgd" }
}

@Suite struct SGDTests {
  @Test(arguments: Trajectory<SGDOptions>.names, Backend.available)
  func `A trajectory of torch is followed`(name: String, backend: Backend) throws {
    try followTrajectory(Trajectory<SGDOptions>.load(name), backend: backend)
  }

  @Test(arguments: Trajectory<SGDOptions>.names)
  func `The update on a whole tensor follows a trajectory of torch`(name: String) throws {
    try followTrajectory(Trajectory<Specification<SGDOptions>>.load(name), backend: .swift)
  }

  @Test func `The defaults are torch's`() throws {
    #expect(try Trajectory<SGDOptions>.load("defaults").groups[0].options == SGDOptions())
  }

  @Test func `Settings are read and written under torch's names`() throws {
    let json = """
      {"lr": 0.25, "momentum": 0.5, "dampening": 0, "weight_decay": 2, "nesterov": true, "maximize": true,
       "rounding": "stochastic", "rounding_seed": 7}
      """
    let options = SGDOptions(
      learningRate: 0.25, momentum: 0.5, weightDecay: 2, nesterov: true, maximize: true,
      rounding: .stochastic,
      roundingSeed: 7)
    #expect(try settings(json) == options)
    #expect(try settings(#"{"dampening": 0.75}"#).dampening == 0.75)
    let written = try JSONSerialization.jsonObject(with: JSONEncoder().encode(options)) as? NSDictionary
    let expected = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? NSDictionary
    #expect(written == expected && written != nil)
  }

  @Test(arguments: [
    (#"{"lr": -1}"#, "lr is -1.0"), (#"{"momentum": -0.5}"#, "momentum is -0.5"),
    (#"{"weight_decay": -1}"#, "weight_decay is -1.0"),
    (#"{"momentums": 1}"#, #"There is no option "momentums""#),
    (#"{"nesterov": true}"#, "Nesterov momentum requires a momentum"),
    (#"{"nesterov": true, "momentum": 0.9, "dampening": 0.1}"#, "Nesterov momentum requires a momentum"),
  ])
  func `A setting that does not fit is refused`(json: String, message: String) {
    let error = #expect(throws: OptimizerError.self) { try settings(json) }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
  }

  @Test func `A momentum that a skipped step would have added is not kept`() throws {
    let parameter = Parameter("p", Tensor(ones: [3]))
    let optimizer = try SGD([parameter], nonFinitePolicy: .skipStep)
    parameter.gradient = Tensor(ones: [3])
    try optimizer.step()
    #expect(optimizer.state(of: parameter)?.tensors.isEmpty == true)
    try optimizer.updateOptions(ofGroup: 0) { ($0.momentum, $0.dampening) = (0.5, 0.5) }
    parameter.gradient = Tensor(repeating: .nan, shape: [3])
    try optimizer.step()
    #expect(optimizer.state(of: parameter)?.tensors.isEmpty == true)
    // The next gradient is therefore the momentum's first, and enters it fully.
    parameter.gradient = Tensor(repeating: 2, shape: [3])
    try optimizer.step()
    #expect(optimizer.state(of: parameter)?.tensors["momentum_buffer"] == Tensor(repeating: 2, shape: [3]))
  }

  @Test func `A state with tensors of another shape or name is refused`() throws {
    let parameter = Parameter("p", Tensor(ones: [3]))
    let optimizer = try SGD([parameter], options: .init(momentum: 0.9))
    for tensors in [
      ["momentum_buffer": Tensor(zeros: [4])], ["exp_avg": Tensor(zeros: [3])],
      ["momentum_buffer": Tensor(zeros: [3], as: .float64)],
    ] {
      #expect(throws: OptimizerError.self, "\(tensors.keys)") {
        try optimizer.setState(MomentState(step: 1, tensors: tensors, numbers: [:]), of: parameter)
      }
    }
  }

  private func settings(_ json: String) throws -> SGDOptions {
    try JSONDecoder().decode(SGDOptions.self, from: Data(json.utf8))
  }
}
