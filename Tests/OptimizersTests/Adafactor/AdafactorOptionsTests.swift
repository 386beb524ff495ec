import Foundation
import Optimizers
import Testing

/// Options under the reference's names.
@Suite struct AdafactorOptionsTests {
  private func decode(_ json: String) throws -> Adafactor.Options {
    try JSONDecoder().decode(Adafactor.Options.self, from: Data(json.utf8))
  }

  @Test
  func `Empty settings give the reference's defaults`() throws {
    let options = try decode("{}")
    #expect(options == Adafactor.Options())
    // The values that the reference documents.
    #expect(options.learningRate == .relative(warmupInit: false))
    #expect(options.squaredGradientEpsilon == 1e-30 && options.parameterScaleEpsilon == 1e-3)
    #expect(options.clipThreshold == 1 && options.decayRate == -0.8 && options.beta1 == nil)
    #expect(options.weightDecay == 0 && options.scaleParameter)
  }

  @Test
  func `Every setting is read under the reference's name`() throws {
    let fixed = try decode(
      """
      {"lr": 0.25, "eps": [1e-20, 0.5], "clip_threshold": 2, "decay_rate": -0.5, "beta1": 0.75,
       "weight_decay": 0.125, "scale_parameter": false, "relative_step": false, "warmup_init": false}
      """)
    #expect(
      fixed
        == Adafactor.Options(
          learningRate: .constant(0.25), squaredGradientEpsilon: 1e-20, parameterScaleEpsilon: 0.5,
          clipThreshold: 2,
          decayRate: -0.5, beta1: 0.75, weightDecay: 0.125, scaleParameter: false))
    let relative = try decode(#"{"lr": null, "beta1": null, "relative_step": true, "warmup_init": true}"#)
    #expect(relative == Adafactor.Options(learningRate: .relative(warmupInit: true)))
  }

  @Test(arguments: [
    Adafactor.Options(), .init(learningRate: .relative(warmupInit: true)), .init(learningRate: .constant(0)),
    AdafactorStepTests.everything,
    .init(squaredGradientEpsilon: 0, clipThreshold: 1e9, decayRate: 0, beta1: 0),
  ])
  func `Encoded options decode to equal options`(options: Adafactor.Options) throws {
    let data = try JSONEncoder().encode(options)
    #expect(try JSONDecoder().decode(Adafactor.Options.self, from: data) == options)
    // All nine names, so that the reference's constructor accepts them unchanged.
    let settings = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    let names = [
      "beta1", "clip_threshold", "decay_rate", "eps", "lr", "relative_step", "scale_parameter", "warmup_init",
      "weight_decay",
    ]
    #expect(settings.keys.sorted() == names)
  }

  /// The options that the reference's constructor refuses, with the messages.
  private struct ReferenceErrors: Decodable {
    let errors: [Refusal]

    struct Refusal: Decodable {
      let raisedBy: String
      let message: String
    }
  }

  @Test
  func `Options that the reference refuses are refused with its message`() throws {
    let file = ReferenceCase.directory.appending(path: "adafactor-errors.json")
    let data = try Data(contentsOf: file)
    let refusals = try JSONDecoder().decode(ReferenceErrors.self, from: data).errors
    let entries = try #require(
      (JSONSerialization.jsonObject(with: data) as? [String: Any])?["errors"] as? [[String: Any]])
    #expect(refusals.count >= 8)
    for (refusal, entry) in zip(refusals, entries) {
      let settings = try JSONSerialization.data(withJSONObject: try #require(entry["options"]))
      let error = #expect(throws: OptimizerError.self) {
        try JSONDecoder().decode(Adafactor.Options.self, from: settings)
      }
      if refusal.raisedBy == "constructor" {
        #expect(error == .conflictingOptions(refusal.message) && error?.description == refusal.message)
      } else {
        // The reference fails at its first step, without giving a reason.
        guard case .invalidOption("lr", "missing", _) = error else {
          Issue.record("\(error?.description ?? "nothing") for \(entry)")
          continue
        }
      }
    }
  }

  @Test
  func `An unknown setting is refused by name`() {
    let error = #expect(throws: OptimizerError.self) { try decode(#"{"learning_rate": 0.1}"#) }
    #expect(error?.description.contains(#""learning_rate""#) == true)
    #expect(error?.description.contains("lr, eps, clip_threshold, decay_rate, beta1, weight_decay") == true)
  }

  @Test(arguments: [
    #"{"lr": "fast", "relative_step": false}"#, #"{"eps": 1e-30}"#, #"{"eps": ["a", "b"]}"#,
    #"{"clip_threshold": true}"#, #"{"decay_rate": [1]}"#, #"{"beta1": "0.9"}"#, #"{"weight_decay": {}}"#,
    #"{"scale_parameter": 1}"#, #"{"relative_step": "yes"}"#, #"{"warmup_init": 0}"#, "[]", "3",
  ])
  func `A setting of the wrong type is refused`(json: String) {
    #expect(throws: DecodingError.self) { try decode(json) }
  }

  @Test(arguments: [
    (#"{"eps": []}"#, "eps is []"), (#"{"eps": [1]}"#, "eps is [1.0]"),
    (#"{"eps": [1, 2, 3]}"#, "eps is [1.0, 2.0, 3.0]"), (#"{"eps": [-1, 0.001]}"#, "eps[0] is -1.0"),
    (#"{"eps": [0, -1]}"#, "eps[1] is -1.0"), (#"{"clip_threshold": 0}"#, "clip_threshold is 0.0"),
    (#"{"decay_rate": 0.8}"#, "decay_rate is 0.8"), (#"{"beta1": 1}"#, "beta1 is 1.0"),
    (#"{"beta1": -0.1}"#, "beta1 is -0.1"), (#"{"weight_decay": -1}"#, "weight_decay is -1.0"),
    (#"{"lr": -1, "relative_step": false}"#, "lr is -1.0"),
  ])
  func `A setting out of range is refused by its key`(json: String, message: String) {
    let error = #expect(throws: OptimizerError.self) { try decode(json) }
    guard case .invalidOption = error else {
      Issue.record("\(error?.description ?? "nothing") for \(json)")
      return
    }
    #expect(error?.description.hasPrefix(message + ": it ") == true, "\(json)")
  }
}
