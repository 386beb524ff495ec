// Low-rank adapters (LoRA) for frozen weights: y = x (W + A B).
//
// W is not a parameter: it has no gradient, is not stepped and needs no state. A (inputs × rank) and B (rank × outputs)
// are two groups with their own learning rates, and are saved without W.

import Checkpoints
import Foundation
import Optimizers
import Tensors

struct AdaptedLayer {
  let frozen: Tensor
  let a: Parameter
  let b: Parameter

  init(frozen: Tensor, rank: Int, using generator: inout some RandomNumberGenerator) {
    let (inputs, outputs) = (frozen.shape[0], frozen.shape[1])
    self.frozen = frozen
    a = Parameter(
      "adapter.a",
      Tensor(
        normal: [inputs, rank], standardDeviation: 1 / Double(inputs).squareRoot(), using: &generator))
    // B starts at zero, so that the adapted layer starts as the frozen layer.
    b = Parameter("adapter.b", Tensor(zeros: [rank, outputs]))
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    x.matmul(frozen) + x.matmul(a.value).matmul(b.value)
  }

  func setGradients(_ x: Tensor, _ yGradient: Tensor) {
    let adapted = yGradient.matmul(b.value, otherTransposed: true)
    a.gradient = x.matmul(adapted, transposed: true)
    b.gradient = x.matmul(a.value).matmul(yGradient, transposed: true)
  }
}

var generator = SeededGenerator(seed: 2)
let frozen = Tensor(normal: [64, 48], standardDeviation: 0.125, using: &generator)
let change = Tensor(normal: [64, 4], standardDeviation: 0.125, using: &generator)
  .matmul(Tensor(normal: [4, 48], using: &generator))
let x = Tensor(normal: [128, 64], using: &generator)
let targets = x.matmul(frozen + change)

let layer = AdaptedLayer(frozen: frozen, rank: 4, using: &generator)
let optimizer = try Adafactor(groups: [
  ParameterGroup([layer.a], options: .init(learningRate: .constant(3e-3), scaleParameter: false)),
  ParameterGroup([layer.b], options: .init(learningRate: .constant(1e-2), scaleParameter: false)),
])

var losses: [Double] = []
for _ in 0..<400 {
  let error = layer(x) - targets
  losses.append((error * error).mean())
  layer.setGradients(x, error * (2 / Double(error.elementCount)))
  try optimizer.step()
}
print("loss \(losses[0]) → \(losses[399])")
precondition(losses[399] < losses[0] / 100, "The adapters did not learn: the loss is \(losses[399]).")

// A file with only the adapters, for any reader of safetensors.
let path = FileManager.default.temporaryDirectory.path + "/adapters-\(UUID().uuidString).safetensors"
try TensorCollection(
  Dictionary(uniqueKeysWithValues: optimizer.parameters.map { ($0.name, $0.value) }), metadata: ["rank": "4"]
).write(to: path)
let saved = try TensorCollection(path: path)
try FileManager.default.removeItem(atPath: path)
print(
  "saved \(saved.tensors.values.reduce(0) { $0 + $1.byteCount }) bytes; \(frozen.byteCount) bytes are frozen"
)
print("optimizer state \(optimizer.stateByteCount) bytes")
precondition(saved.tensors["adapter.a"] == layer.a.value && saved.tensors["adapter.b"] == layer.b.value)
