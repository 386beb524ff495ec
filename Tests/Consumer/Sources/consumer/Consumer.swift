import Optimizers
import Schedules
import Tensors

/// Fits y = Wx by Adafactor, on every kernel path of the build.
@main
struct Consumer {
  static func main() throws {
    for path in KernelPathKind.available {
      let loss = try KernelPathKind.using(path) { try fit() }
      print("\(path.rawValue): loss \(loss)", terminator: "  ")
      precondition(loss < 1e-3, "\(path.rawValue) did not learn: its loss is \(loss)")
    }
    print()
  }

  /// The loss after 300 steps.
  static func fit() throws -> Double {
    var generator = SeededGenerator(seed: 7)
    let inputs = Tensor(normal: [64, 8], using: &generator)
    let targets = inputs.matrixProduct(Tensor(normal: [8, 4], using: &generator))
    let weights = Parameter("weights", Tensor(normal: [8, 4], standardDeviation: 0.1, using: &generator))
    let optimizer = try Adafactor([weights], options: .init(stepSize: .fixed(0.1), scaleParameter: false))
    let scheduler = try LearningRateScheduler(optimizer, LinearSchedule(warmupSteps: 10, trainingSteps: 300))
    var loss = Double.infinity
    for _ in 0..<300 {
      let error = inputs.matrixProduct(weights.value) - targets
      loss = (error * error).mean()
      weights.gradient = inputs.transposed().matrixProduct(error) * (2 / 256)
      try optimizer.step()
      scheduler.step()
    }
    return loss
  }
}
