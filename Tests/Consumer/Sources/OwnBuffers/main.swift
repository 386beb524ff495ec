// Training on arrays of the program's own: no Tensor, no Parameter, nothing copied.
//
// `Adafactor.Rule` holds options, `Adafactor.State` what a step must remember of one array; a step changes the array
// where it lies. It takes any `MutableSpan`, and so memory of another library's as well.

import Optimizers
import Tensors

/// y = x W, by plain loops over row-major arrays.
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

  /// dL/dW = xᵀ dL/dy.
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
  var state = Adafactor.State(shape: shape, scalarType: .float32, hasFirstMoments: false)
  var losses: [Float] = []
  for step in 0..<steps {
    let errors = zip(layer(x, samples: samples), targets).map { $0 - $1 }
    losses.append(errors.reduce(0) { $0 + $1 * $1 } / Float(errors.count))
    let gradient = layer.gradient(x, errors, samples: samples)

    // The rule is a value: one for each step, with a rate that falls on a straight line.
    let rate = 0.05 * (1 - Double(step) / Double(steps))
    let rule = try Adafactor.Rule(
      options: .init(learningRate: .constant(rate), scaleParameter: false), threads: 1)
    var weights = layer.weights.mutableSpan
    // dL/dy is 2/n times the error: a factor on the gradient that the step applies as it reads.
    try rule.update(
      &weights, gradient: gradient.span, shape: shape, gradientScale: 2 / Double(errors.count),
      state: &state)
  }

  print("loss \(losses[0]) → \(losses[steps - 1]) in \(state.step) steps")
  precondition(losses[steps - 1] < losses[0] / 100, "The loss fell to \(losses[steps - 1]) only.")

  // What it costs: a number for each row and each column, where AdamW keeps two for each element.
  let adamW = 2 * layer.weights.count * MemoryLayout<Float>.size
  print("state \(state.byteCount) bytes beside \(adamW) of AdamW")
  precondition(state.byteCount == (layer.inputs + layer.outputs) * MemoryLayout<Float>.size)
}

try train()
