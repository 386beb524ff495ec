import Optimizers
import Tensors
import TestSupport
import Testing

/// Hidden matrices with one rule and the rest with another, in one call.
@Suite struct HiddenMatricesTests {
  private func model() -> [Parameter] {
    var numbers = TestNumbers(seed: 9)
    let shapes: [(String, Shape)] = [
      ("embed.weight", [5, 4]), ("h.0.weight", [4, 4]), ("h.0.bias", [4]), ("h.1.weight", [4, 6]),
      ("conv", [2, 2, 2]), ("lm_head", [5, 4]),
    ]
    return shapes.map { name, shape in
      let parameter = Parameter(name, Tensor(numbers.array(shape.elementCount), shape: shape))
      parameter.gradient = Tensor(numbers.array(shape.elementCount), shape: shape)
      return parameter
    }
  }

  @Test func `Names and shapes decide, and each group steps like a separate optimizer`() throws {
    let (model, apart) = (model(), model())
    let optimizer = try MultiOptimizer(
      model, hiddenMatrices: Muon.Options(learningRate: 0.02), rest: Adafactor.Options(),
      excluding: ["^embed", "head$"])
    #expect(
      optimizer.groups.map { $0.parameters.map(\.name) }
        == [["h.0.weight", "h.1.weight"], ["embed.weight", "h.0.bias", "conv", "lm_head"]])
    try optimizer.step()
    try Muon([apart[1], apart[3]], options: .init(learningRate: 0.02)).step()
    // An optimizer has one backend: the one for the hidden matrices.
    try Adafactor([apart[0], apart[2], apart[4], apart[5]], backend: optimizer.backend).step()
    #expect(model.map(\.value.bits) == apart.map(\.value.bits))
  }

  @Test func `Patterns that match nothing or everything are refused`() {
    func make(_ parameters: [Parameter], _ patterns: [String]) throws -> MultiOptimizer {
      try MultiOptimizer(
        parameters, hiddenMatrices: Muon.Options(), rest: AdamW.Options(), excluding: patterns)
    }
    #expect(throws: OptimizerError.unmatchedPattern("haed")) { try make(model(), ["embed", "haed"]) }
    #expect(throws: OptimizerError.noHiddenMatrices(excluding: ["."])) { try make(model(), ["."]) }
    #expect(throws: OptimizerError.noParameters(group: 1)) { try make([model()[1]], []) }
    let error = #expect(throws: OptimizerError.self) { try make(model(), ["a(b"]) }
    #expect(error?.description.hasPrefix("The pattern \"a(b\" is not a regular expression") == true)
  }
}
