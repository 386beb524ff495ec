// The same training on every kernel path of the build: pure Swift always, OpenBLAS with the trait of that name.
//
// Paths agree closely and not in every bit: they add up in different orders. `Backend.using` chooses for all that
// runs inside; an optimizer keeps the path that was current when it was made.

import Optimizers
import Tensors

/// The loss after 100 steps towards the W of y = x W.
func fit() throws -> Double {
  var generator = SeededGenerator(seed: 7)
  let x = Tensor(normal: [64, 16], using: &generator)
  let targets = x.matrixProduct(Tensor(normal: [16, 8], using: &generator))
  let weights = Parameter("weights", Tensor(zeros: [16, 8]))
  let optimizer = try Adafactor([weights], options: .init(stepSize: .fixed(0.05), scaleParameter: false))
  var loss = Double.infinity
  for _ in 0..<100 {
    let error = x.matrixProduct(weights.value) - targets
    loss = (error * error).mean()
    weights.gradient = x.matrixProduct(error, transposingSelf: true) * (2 / Double(error.elementCount))
    try optimizer.step()
  }
  return loss
}

for path in Backend.available {
  let loss = try Backend.withDefault(path) { try fit() }
  print("\(path.rawValue): loss \(loss)")
  precondition(loss < 1e-5, "\(path.rawValue) did not learn: its loss is \(loss).")
}
