// Parameters in BFloat16, and how steps round them.
//
// A BFloat16 has 8 significant bits. An update of less than half a unit in the last place is lost when the result is
// rounded to nearest. Then training stalls, although every step is computed in Float32. With stochastic rounding the
// expected result is exact, without additional memory. Compensated rounding keeps the error, in 2 more bytes per element.

import Optimizers
import Tensors

/// Trains with a rounding, and returns the loss and the size of the state in bytes.
func train(_ rounding: Rounding) throws -> (loss: Double, stateBytes: Int) {
  var generator = SeededGenerator(seed: 5)
  let start = Tensor(normal: [32, 16], as: .bfloat16, using: &generator)
  // The truth is near the start, as in fine-tuning: weights of about 1 have to move by about 0.1.
  let truth =
    start.converted(to: .float32) + Tensor(normal: [32, 16], standardDeviation: 0.1, using: &generator)
  let x = Tensor(normal: [256, 32], using: &generator)
  let targets = x.matmul(truth)

  let weights = Parameter("weights", start)
  let optimizer = try Adafactor(
    [weights],
    options: .init(learningRate: .constant(1e-3), scaleParameter: false, rounding: rounding, roundingSeed: 1))
  var loss = Double.infinity
  for _ in 0..<400 {
    // Gradients may have another type than the parameter. Here they are Float32, which the step reads directly.
    let error = x.matmul(weights.value.converted(to: .float32)) - targets
    loss = (error * error).mean()
    weights.gradient = x.matmul(error, transposed: true) * (2 / Double(error.elementCount))
    try optimizer.step()
  }
  return (loss, optimizer.stateByteCount)
}

var losses: [Rounding: Double] = [:]
for rounding in Rounding.allCases {
  let (loss, stateBytes) = try train(rounding)
  losses[rounding] = loss
  print("\(rounding.rawValue): loss \(loss), state \(stateBytes) bytes")
}
precondition(losses[.nearest]! > 0.1, "Rounding to nearest must stall.")
precondition(losses[.stochastic]! < 1e-3, "Stochastic rounding did not help.")
precondition(losses[.compensated]! < 1e-3, "Compensated rounding did not help.")
