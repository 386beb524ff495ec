import Foundation
import Optimizers
import Testing

/// Muon's settings: defaults, ranges, and torch's names.
@Suite struct MuonOptionsTests {
  @Test func `The defaults are torch's`() throws {
    #expect(try Trajectory<MuonOptions>.load("defaults").groups[0].options == MuonOptions())
    #expect(try decode("{}") == MuonOptions())
  }

  @Test func `Settings are read and written under torch's names`() throws {
    let json = """
      {"lr": 0.25, "weight_decay": 2, "momentum": 0.5, "nesterov": false, "ns_coefficients": [2, -1.5, 0.5],
       "eps": 0.125, "ns_steps": 3, "adjust_lr_fn": "match_rms_adamw"}
      """
    let options = Muon.Options(
      learningRate: 0.25, weightDecay: 2, momentum: 0.5, nesterov: false,
      orthogonalization: .newtonSchulz(coefficients: .constant(2, -1.5, 0.5), steps: 3, epsilon: 0.125),
      adjustment: .matchRMSAdamW)
    #expect(try decode(json) == options)
    let written = try JSONSerialization.jsonObject(with: JSONEncoder().encode(options)) as? NSDictionary
    let expected = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? NSDictionary
    #expect(written == expected && written != nil)
  }

  @Test(
    arguments: [
      .init(orthogonalization: .polar, rounding: .stochastic, roundingSeed: 7),
      .init(orthogonalization: .newtonSchulz(coefficients: .deepSeekV4, steps: 10)),
      .init(orthogonalization: .newtonSchulz(coefficients: .quintic, steps: 10)),
      .init(orthogonalization: .newtonSchulz(coefficients: .polarExpress, steps: 0)),
      .init(orthogonalization: .newtonSchulz(coefficients: .cubic5), adjustment: .spectralUnclamped),
    ] as [MuonOptions])
  func `Settings that torch doesn't have survive encoding`(options: MuonOptions) throws {
    let data = try JSONEncoder().encode(options)
    #expect(try JSONDecoder().decode(MuonOptions.self, from: data) == options)
  }

  @Test(arguments: [
    (#"{"lr": -1}"#, "lr is -1.0: it must"), (#"{"momentum": 1}"#, "momentum is 1.0: it must"),
    (#"{"weight_decay": -1}"#, "weight_decay is -1.0: it must"), (#"{"eps": -1}"#, "eps is -1.0: it must"),
    (
      #"{"ns_steps": 100}"#,
      "ns_steps is 100: Number of steps must be less than 100 for computational efficiency"
    ),
    (#"{"ns_steps": -1}"#, "ns_steps is -1: it must"),
    (
      #"{"ns_coefficients": [1, 2]}"#,
      "ns_coefficients is [1.0, 2.0]: Coefficients must be a tuple of exactly 3 values"
    ),
    (#"{"ns_coefficients": "none"}"#, #"ns_coefficients is "none": the sets are simple, quintic"#),
    (#"{"ns_coefficients": "cubic5", "ns_steps": 6}"#, "ns_steps is 6: the set cubic5 has 5 steps"),
    (#"{"ns_coefficients": "quintic", "ns_steps": 6}"#, "ns_steps is 6: the set quintic has 5 steps"),
    (#"{"ns_coefficients": "deepseek_v4"}"#, "ns_steps is 5: the set deepseek_v4 has 10 steps"),
    (#"{"adjust_lr_fn": "x"}"#, #"adjust_lr_fn is "x": Adjust learning rate function x is not supported"#),
    (#"{"orthogonalization": "qr"}"#, #"orthogonalization is "qr": it must be newton_schulz or polar"#),
    (#"{"orthogonalization": "polar", "ns_steps": 5}"#, "The orthogonalization polar has no ns_coefficients"),
  ])
  func `A setting that does not fit is refused by its key`(json: String, message: String) {
    let error = #expect(throws: OptimizerError.self) { try decode(json) }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
  }

  @Test func `Unknown settings are refused`() {
    let error = #expect(throws: OptimizerError.self) { try decode(#"{"betas": [0, 0]}"#) }
    guard case .unknownOption(let name, let known) = error else {
      Issue.record("\(error as Any)")
      return
    }
    #expect(name == "betas")
    #expect(
      known == [
        "lr", "weight_decay", "momentum", "nesterov", "ns_coefficients", "eps", "ns_steps", "adjust_lr_fn",
        "orthogonalization", "rounding", "rounding_seed",
      ])
  }

  private func decode(_ json: String) throws -> MuonOptions {
    try JSONDecoder().decode(MuonOptions.self, from: Data(json.utf8))
  }
}
