import Foundation
import Optimizers
import Tensors
import Testing

/// AdamW's settings: defaults, ranges, and torch's names.
@Suite struct AdamWOptionsTests {
  @Test func `The defaults are torch's`() throws {
    let recorded = try Trajectory<AdamWOptions>.load("defaults").groups[0].options
    #expect(recorded == AdamW.Options())
  }

  @Test func `Settings are read and written under torch's names`() throws {
    let json = """
      {"lr": 0.25, "betas": [0.5, 0.75], "eps": 0.125, "weight_decay": 2, "amsgrad": true,
       "maximize": true, "correct_bias": false}
      """
    let options = AdamW.Options(
      learningRate: 0.25, beta1: 0.5, beta2: 0.75, epsilon: 0.125, weightDecay: 2, amsgrad: true,
      maximize: true, biasCorrection: false)
    #expect(try decode(json) == options)
    #expect(try decode("{}") == AdamW.Options())
    let written = try JSONSerialization.jsonObject(with: JSONEncoder().encode(options)) as? NSDictionary
    let expected = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? NSDictionary
    #expect(written == expected && written != nil)
  }

  @Test func `Settings that do not fit are refused`() {
    #expect(throws: OptimizerError.self) { try decode(#"{"betas": [0.9]}"#) }
    #expect(throws: OptimizerError.self) { try decode(#"{"lr": -1}"#) }
    #expect(throws: DecodingError.self) { try decode(#"{"amsgrad": 1.5}"#) }
    #expect(
      throws: OptimizerError.unknownOption(
        name: "beta1",
        known: [
          "lr", "betas", "eps", "weight_decay", "amsgrad", "maximize", "correct_bias", "rounding",
          "rounding_seed",
        ])
    ) { try decode(#"{"beta1": 0.9, "lr": 1}"#) }
  }

  static let invalid: [(AdamW.Options, String)] = [
    (.init(learningRate: -1e-3), "The learning rate is -0.001: it must be finite and not negative."),
    (.init(learningRate: .nan), "The learning rate is nan: it must be finite and not negative."),
    (.init(beta1: 1), "beta1 is 1.0: it must be in 0 ..< 1."),
    (.init(beta1: -0.1), "beta1 is -0.1: it must be in 0 ..< 1."),
    (.init(beta2: 1.5), "beta2 is 1.5: it must be in 0 ..< 1."),
    (.init(beta2: .nan), "beta2 is nan: it must be in 0 ..< 1."),
    (.init(epsilon: -1), "epsilon is -1.0: it must be finite and not negative."),
    (.init(weightDecay: .infinity), "weightDecay is inf: it must be finite and not negative."),
  ]

  @Test(arguments: invalid)
  func `Values out of range are refused by name`(options: AdamW.Options, message: String) throws {
    let parameter = Parameter("p", Tensor(ones: [2]))
    let error = #expect(throws: OptimizerError.self) { try AdamW([parameter], options: options) }
    #expect(error?.description == message)
    let optimizer = try AdamW([parameter])
    #expect(throws: OptimizerError.self) { try optimizer.updateOptions(ofGroup: 0) { $0 = options } }
    #expect(optimizer.groups[0].options == AdamW.Options())
  }

  @Test(arguments: [
    (#"{"lr": -1}"#, "lr is -1.0"), (#"{"betas": [1, 0.5]}"#, "betas[0] is 1.0"),
    (#"{"betas": [0.5, -1]}"#, "betas[1] is -1.0"), (#"{"betas": [0.5]}"#, "betas is [0.5]"),
    (#"{"eps": -1}"#, "eps is -1.0"), (#"{"weight_decay": -1}"#, "weight_decay is -1.0"),
  ])
  func `A setting out of range is refused by its key`(json: String, message: String) {
    let error = #expect(throws: OptimizerError.self) { try decode(json) }
    #expect(error?.description.hasPrefix(message + ": it ") == true, "\(json)")
  }

  @Test func `Groups are checked`() {
    let parameter = Parameter("p", Tensor(ones: [2]))
    #expect(throws: OptimizerError.noParameters(group: 0)) { try AdamW([]) }
    #expect(throws: OptimizerError.duplicateParameter(name: "p")) { try AdamW([parameter, parameter]) }
    #expect(throws: OptimizerError.noGroup(index: 1, count: 1)) {
      try AdamW([parameter]).updateOptions(ofGroup: 1) { $0.amsgrad = true }
    }
  }

  private func decode(_ json: String) throws -> AdamW.Options {
    try JSONDecoder().decode(AdamW.Options.self, from: Data(json.utf8))
  }
}
