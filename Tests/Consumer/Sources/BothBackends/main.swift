// The same training on every backend of the build: pure Swift always, OpenBLAS with the trait of that name.
//
// Results of the backends differ by rounding, because they add in different orders. `Backend.withDefault` sets the backend
// of everything that runs in its closure. An optimizer keeps the backend that was the default when it was created.

import Optimizers
import Tensors

/// Returns the loss after 100 steps toward the W of y = x W.
func fit() throws -> Double {
  var generator = SeededGenerator(seed: 7)
  let x = Tensor(normal: [64, 16], using: &generator)
  let targets = x.matmul(Tensor(normal: [16, 8], using: &generator))
  let weights = Parameter("weights", Tensor(zeros: [16, 8]))
  let optimizer = try Adafactor(
    [weights], options: .init(learningRate: .constant(0.05), scaleParameter: false))
  var loss = Double.infinity
  for _ in 0..<100 {
    let error = x.matmul(weights.value) - targets
    loss = (error * error).mean()
    weights.gradient = x.matmul(error, transposed: true) * (2 / Double(error.elementCount))
    try optimizer.step()
  }
  return loss
}

for backend in Backend.available {
  let loss = try Backend.withDefault(backend) { try fit() }
  print("\(backend.rawValue): loss \(loss)")
  precondition(loss < 1e-5, "\(backend.rawValue) did not learn: its loss is \(loss).")
}
