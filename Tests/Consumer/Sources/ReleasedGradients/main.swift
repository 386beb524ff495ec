// One gradient at a time: each parameter is stepped as soon as its gradient exists, and then the gradient is released.
//
// A model's gradients take as much memory as the model. With Adafactor's small state, they are half of the memory of a
// training run. The backward pass computes them one after another, from the last layer to the first.

import Optimizers
import Tensors

/// A perceptron of square layers with ReLU between them, and a squared loss.
struct Model {
  let layers: [Parameter]

  init(count: Int, width: Int, seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let deviation = (2 / Double(width)).squareRoot()
    layers = (0..<count).map { index in
      Parameter(
        "layers.\(index).weight",
        Tensor(normal: [width, width], standardDeviation: deviation, using: &generator))
    }
  }

  /// Returns the loss. `consume` is called for every layer once its gradient has been set, from the last layer to the first.
  func loss(_ x: Tensor, _ targets: Tensor, consume: (Parameter) throws -> Void) throws -> Double {
    var inputs = [x]
    var products: [Tensor] = []
    for (index, layer) in layers.enumerated() {
      products.append(inputs[index].matmul(layer.value))
      inputs.append(index == layers.count - 1 ? products[index] : products[index].relu())
    }
    let error = inputs[layers.count] - targets
    var gradient = error * (2 / Double(error.elementCount))
    for (index, layer) in layers.enumerated().reversed() {
      // The gradient of the layer's input needs the weights that computed the output, so compute it before the step.
      let inputGradient = gradient.matmul(layer.value, otherTransposed: true)
      layer.gradient = inputs[index].matmul(gradient, transposed: true)
      try consume(layer)
      if index > 0 { gradient = inputGradient.reluBackward(at: products[index - 1]) }
    }
    return (error * error).mean()
  }

  /// The size of the existing gradients in bytes.
  var gradientBytes: Int { layers.reduce(0) { $0 + ($1.gradient?.byteCount ?? 0) } }
}

/// The result of a training run.
struct Outcome {
  var losses: [Double] = []
  var peakGradientBytes = 0
  var weights: [Tensor] = []
}

func train(releasing: Bool) throws -> Outcome {
  var generator = SeededGenerator(seed: 11)
  let x = Tensor(normal: [32, 24], using: &generator)
  let targets = x.matmul(Tensor(normal: [24, 24], standardDeviation: 0.2, using: &generator))
  let model = Model(count: 6, width: 24, seed: 3)
  // If a gradient is not finite, its parameter is skipped. The policy skipStep needs all gradients first, and `step(_:)`
  // refuses it.
  let optimizer = try Adafactor(
    model.layers, options: .init(learningRate: .constant(3e-3), scaleParameter: false),
    nonFinitePolicy: .skipParameter)
  var outcome = Outcome()
  for _ in 0..<120 {
    let loss = try model.loss(x, targets) { layer in
      outcome.peakGradientBytes = max(outcome.peakGradientBytes, model.gradientBytes)
      // The norm of all gradients would need all of them at once, so each gradient is clipped by its own norm.
      try layer.clipGradientNorm(maxNorm: 1)
      if releasing { try optimizer.step(layer) }
    }
    if !releasing { try optimizer.step() }
    outcome.losses.append(loss)
  }
  outcome.weights = model.layers.map(\.value)
  return outcome
}

let released = try train(releasing: true)
let kept = try train(releasing: false)

print("loss \(released.losses[0]) → \(released.losses[119])")
print(
  "gradients at once: \(released.peakGradientBytes) bytes, \(kept.peakGradientBytes) with one step for all")
precondition(released.losses[119] < released.losses[0] / 10, "The loss hardly fell.")
precondition(
  released.peakGradientBytes * 6 == kept.peakGradientBytes, "More than one gradient existed at once.")
precondition(released.weights == kept.weights, "The two ways must give the same bits.")
