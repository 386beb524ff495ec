import Optimizers
import Tensors
import TestSupport

/// Parameters of every kind of shape and type, with gradients that depend only on the step.
struct TestModel {
  let parameters: [Parameter]

  init() {
    var generator = SeededGenerator(seed: 1)
    parameters = [
      Parameter("matrix", Tensor(normal: [5, 7], using: &generator)),
      Parameter("layers.0.weight", Tensor(normal: [2, 3, 4], as: .float64, using: &generator)),
      Parameter("bias", Tensor(normal: [9], using: &generator)),
      Parameter("scalar", Tensor(normal: [], using: &generator)),
      Parameter("embedding", Tensor(normal: [6, 4], as: .bfloat16, using: &generator)),
      Parameter("never.stepped", Tensor(normal: [3, 2], using: &generator)),
    ]
  }

  subscript(_ name: String) -> Parameter { parameters.first { $0.name == name }! }

  func setGradients(step: UInt64) {
    for (index, parameter) in parameters.enumerated() where parameter.name != "never.stepped" {
      var generator = SeededGenerator(seed: 1000 * step + UInt64(index))
      // The scalar has no gradient in every third step, so that step counts differ.
      let rests = parameter.name == "scalar" && step.isMultiple(of: 3)
      parameter.gradient =
        rests
        ? nil : Tensor(normal: parameter.value.shape, as: parameter.value.scalarType, using: &generator)
    }
  }

  /// Returns two groups that differ in as many options as possible.
  func groups() -> [ParameterGroup<Adafactor.Options>] {
    [
      ParameterGroup(
        [self["matrix"], self["bias"], self["never.stepped"]],
        options: .init(learningRate: .constant(0.01), clipThreshold: .infinity, beta1: 0.9, weightDecay: 0.1)),
      ParameterGroup([self["layers.0.weight"], self["scalar"], self["embedding"]], options: .init()),
    ]
  }

  /// The bits of all values.
  var bits: [Bits] { parameters.map(\.value.bits) }
}
