import Optimizers
import Tensors
import Testing

/// The selection of the parameters that decay, by name.
@Suite struct WeightDecayPatternsTests {
  /// Include, exclude, name, and whether it decays, as decided by `re.search` in the reference.
  static let decisions: [([String], [String], String, Bool)] = [
    ([], [], "anything", true),
    ([], ["bias"], "encoder.layer.0.bias", false),
    ([], ["bias"], "encoder.layer.0.weight", true),
    ([], ["bias"], "Bias", true),
    ([], ["LayerNorm", "layer_norm", "bias"], "attention/LayerNorm/gamma", false),
    ([], ["LayerNorm", "layer_norm", "bias"], "final_layer_norm.weight", false),
    (["decoder"], ["bias"], "decoder.bias", true),
    (["decoder"], ["bias"], "encoder.bias", false),
    (["decoder"], [], "encoder.weight", true),
    (["^head"], ["."], "head.weight", true),
    (["^head"], ["."], "body.head", false),
    ([], [#"layer\.[0-3]\."#], "layer.2.weight", false),
    ([], [#"layer\.[0-3]\."#], "layer.7.weight", true),
    ([], ["norm$"], "norm.weight", true),
    ([], ["norm$"], "final.norm", false),
    ([], ["weight|scale"], "rms.scale", false),
    ([], [""], "anything", false),
  ]

  @Test(arguments: decisions)
  func `Including has precedence, excluding prevents decay, and all others decay`(
    including: [String], excluding: [String], name: String, decays: Bool
  ) throws {
    let patterns = try WeightDecayPatterns(including: including, excluding: excluding)
    #expect(patterns.decays(name) == decays)
  }

  @Test func `A pattern that is not a regular expression is refused by name`() {
    for arguments in [(["ok", "a(b"], []), ([], ["a(b"])] as [([String], [String])] {
      let error = #expect(throws: OptimizerError.self) {
        try WeightDecayPatterns(including: arguments.0, excluding: arguments.1)
      }
      #expect(error?.description.hasPrefix("The pattern \"a(b\" is not a regular expression: ") == true)
    }
  }

  @Test func `Groups keep the order, and differ only in weight decay`() throws {
    let parameters = ["b.bias", "b.weight", "a.bias", "a.weight"].map { Parameter($0, Tensor(ones: [2])) }
    let patterns = try WeightDecayPatterns(excluding: ["bias"])
    let groups = patterns.groups(
      of: parameters, options: AdamW.Options(learningRate: 0.5, weightDecay: 0.25))
    #expect(groups.map { $0.parameters.map(\.name) } == [["b.weight", "a.weight"], ["b.bias", "a.bias"]])
    #expect(groups[0].options == AdamW.Options(learningRate: 0.5, weightDecay: 0.25))
    #expect(groups[1].options == AdamW.Options(learningRate: 0.5, weightDecay: 0))
    let all = patterns.groups(of: [parameters[1]], options: Adafactor.Options(weightDecay: 0.1))
    #expect(all.count == 1 && all[0].options.weightDecay == 0.1)
    let none = patterns.groups(of: [parameters[0]], options: Adafactor.Options(weightDecay: 0.1))
    #expect(none.count == 1 && none[0].options.weightDecay == 0)
  }
}
