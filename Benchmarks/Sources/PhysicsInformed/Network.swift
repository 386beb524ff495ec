import Foundation
import Optimizers
import Tensors

/// A network u(x) of one input that also computes the derivatives u' and u'': layers of `width` with tanh,
/// and a linear layer.
///
/// Every layer has 3N rows: N samples of h, then of h' and of h''. One product with Wᵀ takes all of them
/// through a layer. Since a = W h + b, a' = W h' and a'' = W h'', the bias is added only to the first N rows.
/// With h = tanh a and s = 1 − h²:
///
///     h' = s a',   h'' = s a'' − 2 h s a'²
struct Network {
  let weights: [Parameter]
  let biases: [Parameter]

  var parameters: [Parameter] { weights + biases }

  init(width: Int, layers: Int, using generator: inout SeededGenerator) {
    let sizes = [1] + Array(repeating: width, count: layers) + [1]
    var weights: [Parameter] = []
    for (index, (inputs, outputs)) in zip(sizes, sizes.dropFirst()).enumerated() {
      // Glorot initialization.
      let deviation = (2 / Double(inputs + outputs)).squareRoot()
      let values = Tensor(normal: [outputs, inputs], as: .float64, using: &generator) * deviation
      weights.append(Parameter("weight.\(index)", values))
    }
    self.weights = weights
    biases = sizes.dropFirst().enumerated().map { index, size in
      Parameter("bias.\(index)", Tensor(zeros: [size], as: .float64))
    }
  }

  /// The values of a layer for the backward pass: its input, and a, a' and a'' after the product.
  struct Layer {
    let input: Tensor
    let sums: [Double]
  }

  /// Returns u, u' and u'' at the points, and the layers for the backward pass.
  func forward(_ points: [Double]) -> (values: [Double], layers: [Layer]) {
    let count = points.count
    // x' = 1, x'' = 0.
    var h = Tensor(
      scalars: points + Array(repeating: 1, count: count) + Array(repeating: 0, count: count),
      shape: [3 * count, 1])
    var layers: [Layer] = []
    for (index, (weight, bias)) in zip(weights, biases).enumerated() {
      let width = bias.value.elementCount
      var sums = h.matmul(weight.value, otherTransposed: true).scalars(as: Double.self)
      let b = bias.value.scalars(as: Double.self)
      for i in 0..<count * width { sums[i] += b[i % width] }
      layers.append(Layer(input: h, sums: sums))
      guard index < weights.count - 1 else { return (sums, layers) }
      var outputs = sums
      let (first, second) = (count * width, 2 * count * width)
      for i in 0..<first {
        let t = tanh(sums[i])
        let s = 1 - t * t
        outputs[i] = t
        outputs[first + i] = s * sums[first + i]
        outputs[second + i] = s * sums[second + i] - 2 * t * s * sums[first + i] * sums[first + i]
      }
      h = Tensor(scalars: outputs, shape: [3 * count, width])
    }
    fatalError("A network has layers.")
  }

  /// Sets the gradients of all parameters from the gradients with respect to u, u' and u''.
  func backward(_ gradients: [Double], _ layers: [Layer]) {
    var gradients = gradients
    for index in weights.indices.reversed() {
      let width = biases[index].value.elementCount
      let count = gradients.count / 3 / width
      let (first, second) = (count * width, 2 * count * width)
      if index < weights.count - 1 {
        // From h, h' and h'' to a, a' and a''. ds/da = −2ts, and d(ts)/da = s (s − 2t²), where t = h.
        let sums = layers[index].sums
        for i in 0..<first {
          let t = tanh(sums[i])
          let s = 1 - t * t
          let (a1, a2) = (sums[first + i], sums[second + i])
          let (g0, g1, g2) = (gradients[i], gradients[first + i], gradients[second + i])
          gradients[i] = s * (g0 - 2 * t * (g1 * a1 + g2 * a2) - 2 * g2 * a1 * a1 * (s - 2 * t * t))
          gradients[first + i] = s * (g1 - 4 * t * g2 * a1)
          gradients[second + i] = s * g2
        }
      }
      let g = Tensor(scalars: gradients, shape: [3 * count, width])
      weights[index].gradient = g.matmul(layers[index].input, transposed: true)
      biases[index].gradient = Tensor(scalars: Array(gradients[..<first]), shape: [count, width]).sum(axis: 0)
      gradients = g.matmul(weights[index].value).scalars(as: Double.self)
    }
  }
}
