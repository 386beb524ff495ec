import Optimizers
import Schedules
import Tensors

// y = W x with 64 samples of 8 features: find W.
var generator = SeededGenerator(seed: 7)
let inputs = Tensor(normal: [64, 8], using: &generator)
let targets = inputs.matmul(Tensor(normal: [8, 4], using: &generator))

let weights = Parameter("weights", Tensor(zeros: [8, 4]))
let optimizer = try Adafactor([weights], options: .init(learningRate: .constant(0.1), scaleParameter: false))
let scheduler = try LearningRateScheduler(optimizer, LinearSchedule(warmupSteps: 10, trainingSteps: 300))

for step in 1...300 {
  let error = inputs.matmul(weights.value) - targets
  if step % 100 == 0 { print("step \(step): mean squared error \((error * error).mean())") }
  weights.gradient = inputs.matmul(error, transposed: true) * (2.0 / 256)
  try optimizer.step()
  scheduler.step()
}

let error = inputs.matmul(weights.value) - targets
precondition((error * error).mean() < 1e-6, "W was not found.")
