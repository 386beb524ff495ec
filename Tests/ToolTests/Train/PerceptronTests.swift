import Optimizers
import Tensors
import Testing

@testable import adafactor

@Suite("The perceptron")
struct PerceptronTests {
  @Test(arguments: Backend.available)
  func `The gradients match central differences of the loss in Float64`(backend: Backend) {
    Backend.withDefault(backend) {
      var generator = SeededGenerator(seed: 3)
      let model = Perceptron(widths: [5, 7, 4, 3], as: .float64, using: &generator)
      for layer in model.layers {
        layer.bias.value = Tensor(normal: layer.bias.value.shape, as: .float64, using: &generator)
      }
      let x = Tensor(normal: [6, 5], as: .float64, using: &generator)
      let labels = [0, 1, 2, 2, 1, 0]
      let loss = model.setGradients(x, labels: labels)
      #expect((loss - crossEntropy(model.logits(x), labels: labels)).magnitude < 1e-14)
      let h = 1e-5
      for parameter in model.parameters {
        let value = parameter.value.reshaped(to: [parameter.value.elementCount])
        let gradient = parameter.gradient!.reshaped(to: [parameter.value.elementCount])
        for i in 0..<value.elementCount {
          func loss(at shift: Double) -> Double {
            var shifted = value
            shifted[i] += shift
            parameter.value = shifted.reshaped(to: parameter.value.shape)
            return crossEntropy(model.logits(x), labels: labels)
          }
          let difference = (loss(at: h) - loss(at: -h)) / (2 * h)
          parameter.value = value.reshaped(to: parameter.value.shape)
          // The error of the differences: h² times the third derivative, and rounding divided by h.
          #expect((gradient[i] - difference).magnitude < 1e-8, "\(parameter.name) \(i)")
        }
      }
    }
  }

  @Test func `The loss of equal logits is the logarithm of the number of classes`() {
    let loss = crossEntropy(Tensor(repeating: 3, shape: [4, 10]), labels: [0, 3, 5, 9])
    #expect((loss - 2.302585092994046).magnitude < 1e-6)
  }

  @Test func `Without hidden layers, the perceptron is a linear model`() {
    var generator = SeededGenerator(seed: 3)
    let model = Perceptron(widths: [4, 2], using: &generator)
    #expect(model.parameters.map(\.name) == ["layer1.weight", "layer1.bias"])
    #expect(model.parameters.map(\.value.shape) == [[2, 4], [2]])
  }
}
