// Training on the program's own arrays: no Tensor, no Parameter, and no copies.
//
// `InPlaceUpdate` holds the options, and `Adafactor.State` holds the state of one array. A step changes the array in
// place. It takes any `MutableSpan`, so it can also step another library's memory.

import Optimizers
import Tensors

/// A layer y = x W, in plain loops over row-major arrays.
struct LinearLayer {
  let inputs = 48
  let outputs = 32
  var weights: [Float]

  func callAsFunction(_ x: [Float], samples: Int) -> [Float] {
    var y = [Float](repeating: 0, count: samples * outputs)
    for sample in 0..<samples {
      for input in 0..<inputs {
        let value = x[sample * inputs + input]
        for output in 0..<outputs {
          y[sample * outputs + output] += value * weights[input * outputs + output]
        }
      }
    }
    return y
  }

  /// Returns dL/dW = xᵀ dL/dy.
  func gradient(_ x: [Float], _ yGradient: [Float], samples: Int) -> [Float] {
    var gradient = [Float](repeating: 0, count: inputs * outputs)
    for sample in 0..<samples {
      for input in 0..<inputs {
        let value = x[sample * inputs + input]
        for output in 0..<outputs {
          gradient[input * outputs + output] += value * yGradient[sample * outputs + output]
        }
      }
    }
    return gradient
  }
}

func train() throws {
  var generator = SeededGenerator(seed: 4)
  func uniform(_ count: Int) -> [Float] { (0..<count).map { _ in .random(in: -1...1, using: &generator) } }

  let samples = 64
  let truth = LinearLayer(weights: uniform(48 * 32))
  var layer = LinearLayer(weights: [Float](repeating: 0, count: 48 * 32))
  let x = uniform(samples * layer.inputs)
  let targets = truth(x, samples: samples)

  let steps = 200
  let shape: Shape = [layer.inputs, layer.outputs]
  let adafactor = try InPlaceUpdate(
    options: Adafactor.Options(learningRate: .constant(0.05), scaleParameter: false), threads: 1)
  var state = adafactor.initialState(shape: shape, scalarType: .float32)
  var losses: [Float] = []
  for step in 0..<steps {
    let errors = zip(layer(x, samples: samples), targets).map { $0 - $1 }
    losses.append(errors.reduce(0) { $0 + $1 * $1 } / Float(errors.count))
    let gradient = layer.gradient(x, errors, samples: samples)

    // A learning rate that falls along a straight line.
    try adafactor.updateOptions { $0.learningRate = .constant(0.05 * (1 - Double(step) / Double(steps))) }
    var weights = layer.weights.mutableSpan
    // dL/dy is 2/n times the error. The step multiplies the gradient by this factor as it reads it.
    try adafactor.update(
      &weights, gradient: gradient.span, shape: shape, gradientScale: 2 / Double(errors.count),
      state: &state)
  }

  print("loss \(losses[0]) → \(losses[steps - 1]) in \(state.step) steps")
  precondition(losses[steps - 1] < losses[0] / 100, "The loss fell only to \(losses[steps - 1]).")

  // The state: one number per row and per column. AdamW keeps two numbers per element.
  let adamW = 2 * layer.weights.count * MemoryLayout<Float>.size
  print("state \(state.byteCount) bytes, compared with \(adamW) bytes for AdamW")
  precondition(state.byteCount == (layer.inputs + layer.outputs) * MemoryLayout<Float>.size)
}

try train()
