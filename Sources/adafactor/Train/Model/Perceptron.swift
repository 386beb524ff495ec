import Optimizers
import Tensors

/// A multilayer perceptron: linear layers with relu between them.
///
///     a₀ = x,  zₗ = aₗ₋₁ Wₗᵀ + bₗ,  aₗ = max(zₗ, 0);  the last z are the logits
///
/// x is (samples, inputs), Wₗ (outputs, inputs) as torch stores it, bₗ (outputs).
struct Perceptron {
  struct Layer {
    let weight: Parameter
    let bias: Parameter
  }

  let layers: [Layer]

  var parameters: [Parameter] { layers.flatMap { [$0.weight, $0.bias] } }

  /// The name of the layer that computes the logits.
  var outputLayer: String { "layer\(layers.count)" }

  /// Creates layers of these widths, from the inputs to the logits. Weights are drawn with variance 2/inputs
  /// (He et al. 2015), which keeps the variance through relu layers; biases are 0.
  init(widths: [Int], as type: ScalarType = .float32, using generator: inout some RandomNumberGenerator) {
    layers = zip(1..., zip(widths, widths.dropFirst())).map { number, size in
      let (inputs, outputs) = size
      let weight = Tensor(
        normal: [outputs, inputs], standardDeviation: (2 / Double(inputs)).squareRoot(), as: type,
        using: &generator)
      return Layer(
        weight: Parameter("layer\(number).weight", weight),
        bias: Parameter("layer\(number).bias", Tensor(zeros: [outputs], as: type)))
    }
  }

  /// Creates a perceptron from trained tensors.
  ///
  /// - Throws: ``ToolFileError`` if a tensor is missing, or if its shape or type does not match the widths.
  init(widths: [Int], tensors: [String: Tensor], path: String) throws(ToolFileError) {
    let type = tensors["layer1.weight"]?.scalarType
    func parameter(_ name: String, _ shape: [Int]) throws(ToolFileError) -> Parameter {
      guard let tensor = tensors[name], tensor.shape.dimensions == shape, tensor.scalarType == type else {
        throw ToolFileError(
          path: path,
          problem: "does not hold the tensor \"\(name)\" with the shape \(shape) and the type of the first "
            + "tensor")
      }
      return Parameter(name, tensor)
    }
    layers = try zip(1..., zip(widths, widths.dropFirst())).map { (number, size) throws(ToolFileError) in
      Layer(
        weight: try parameter("layer\(number).weight", [size.1, size.0]),
        bias: try parameter("layer\(number).bias", [size.1]))
    }
  }

  /// The maximum number of samples for which logits are computed at once in tests and predictions.
  static let maximumRows = 4096

  /// Returns the logits of each sample: (samples, classes).
  func logits(_ x: Tensor) -> Tensor { forward(x).sums[layers.count - 1] }

  /// Returns the inputs aₗ₋₁ and the sums zₗ of every layer.
  private func forward(_ x: Tensor) -> (inputs: [Tensor], sums: [Tensor]) {
    var inputs = [x]
    var sums: [Tensor] = []
    for (index, layer) in layers.enumerated() {
      let z = inputs[index].matmul(layer.weight.value, otherTransposed: true) + layer.bias.value
      sums.append(z)
      if index < layers.count - 1 { inputs.append(z.relu()) }
    }
    return (inputs, sums)
  }

  /// Sets the gradients of `lossScale` times the mean cross-entropy over a batch, and returns the
  /// cross-entropy.
  func setGradients(_ x: Tensor, labels: [Int], lossScale: Double = 1) -> Double {
    let (inputs, sums) = forward(x)
    var (loss, dz) = crossEntropyWithGradient(
      sums[layers.count - 1], labels: labels, lossScale: lossScale)
    for index in layers.indices.reversed() {
      let layer = layers[index]
      layer.weight.gradient = dz.matmul(inputs[index], transposed: true)
      layer.bias.gradient = dz.sum(axis: -2)
      if index > 0 { dz = dz.matmul(layer.weight.value).reluBackward(at: sums[index - 1]) }
    }
    return loss
  }
}

/// Returns −Σᵢ log pᵢ[labelᵢ] / n, where pᵢ is the softmax of row i.
func crossEntropy(_ logits: Tensor, labels: some Collection<Int>) -> Double {
  let logs = logits.logSoftmax()
  return -labels.enumerated().reduce(0) { $0 + logs[$1.offset, $1.element] } / Double(labels.count)
}

extension Perceptron {
  /// Returns the cross-entropy of the samples, and the number of samples with the largest logit at the label.
  func test(_ samples: Dataset) -> (loss: Double, correct: Int) {
    var (sum, correct) = (0.0, 0)
    for start in stride(from: 0, to: samples.count, by: Self.maximumRows) {
      let range = start..<min(start + Self.maximumRows, samples.count)
      let logits = logits(samples.features.rows(range))
      sum += crossEntropy(logits, labels: samples.labels[range]) * Double(range.count)
      correct += zip(logits.argMax(axis: -1), samples.labels[range]).count { $0 == $1 }
    }
    return (sum / Double(samples.count), correct)
  }
}

/// Returns the cross-entropy and `lossScale` times its gradient with respect to the logits: (p − one at the
/// label) / n.
func crossEntropyWithGradient(
  _ logits: Tensor, labels: [Int], lossScale: Double = 1
) -> (loss: Double, gradient: Tensor) {
  let logs = logits.logSoftmax()
  var gradient = logs.exp()
  var loss = 0.0
  for (row, label) in labels.enumerated() {
    loss -= logs[row, label]
    gradient[row, label] -= 1
  }
  // A single division: p / n by itself may be too small for Float16.
  gradient /= Double(labels.count) / lossScale
  return (loss / Double(labels.count), gradient)
}
