import Optimizers
import Schedules
import Tensors
import Testing

/// AdamW with warmup and polynomial decay, as in the training of BERT.
@Suite struct AdamWLinearDecayTests {
  /// Returns TensorFlow's rate: a warmup followed by a polynomial decay that is counted from its end.
  static func rate(
    at step: Int, initial: Double, training: Int, warmup: Int, ratio: Double, exponent: Double
  ) -> Double {
    if step < warmup { return initial * (Double(step) / Double(warmup)) }
    let decaySteps = training - warmup
    let decayed = min(step - warmup, decaySteps)
    let end = initial * ratio
    return (initial - end) * power(1 - Double(decayed) / Double(decaySteps), exponent) + end
  }

  @Test(arguments: [(10, 0.0, 1.0), (0, 0.0, 1.0), (10, 0.25, 1.0), (3, 0.1, 2.5), (29, 0, 1)])
  func `Rates follow the warmup and the decay`(warmup: Int, ratio: Double, exponent: Double) throws {
    let weight = Parameter("weight", Tensor(ones: [3]))
    let (optimizer, scheduler) = try AdamW.withLinearDecay(
      [weight], initialRate: 5e-5, trainingSteps: 30, warmupSteps: warmup, minimumRateRatio: ratio,
      power: exponent)
    for step in 0..<35 {
      let expected = Self.rate(
        at: step, initial: 5e-5, training: 30, warmup: warmup, ratio: ratio, exponent: exponent)
      #expect(abs(optimizer.groups[0].learningRate! - expected) <= 1e-12 * 5e-5, "step \(step)")
      scheduler.step()
    }
  }

  @Test func `Its defaults are the reference's`() throws {
    let weight = Parameter("bias", Tensor(ones: [3]))
    let (optimizer, _) = try AdamW.withLinearDecay(
      [weight], initialRate: 1e-3, trainingSteps: 10, warmupSteps: 0)
    #expect(
      optimizer.groups.map(\.options) == [
        AdamW.Options(learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0)
      ])
  }

  @Test func `With weight decay, norms and biases don't decay unless included`() throws {
    let names = [
      "encoder.weight", "encoder.bias", "encoder.LayerNorm.weight", "pooler.layer_norm.weight", "head.bias",
    ]
    let parameters = names.map { Parameter($0, Tensor(ones: [2])) }
    let (optimizer, scheduler) = try AdamW.withLinearDecay(
      parameters, initialRate: 1e-3, trainingSteps: 10, warmupSteps: 2, weightDecay: 0.01,
      includedInWeightDecay: ["^head"])
    #expect(
      optimizer.groups.map { $0.parameters.map(\.name) } == [
        ["encoder.weight", "head.bias"],
        ["encoder.bias", "encoder.LayerNorm.weight", "pooler.layer_norm.weight"],
      ])
    #expect(optimizer.groups.map(\.weightDecay) == [0.01, 0])
    #expect(optimizer.groups.map(\.learningRate) == [0, 0])
    scheduler.step()
    #expect(optimizer.groups.map(\.learningRate) == [5e-4, 5e-4])
  }

  @Test func `A step decays by the rate of the schedule`() throws {
    let weight = Parameter("weight", Tensor([8, -8]))
    let (optimizer, scheduler) = try AdamW.withLinearDecay(
      [weight], initialRate: 0.5, trainingSteps: 10, warmupSteps: 2, weightDecay: 0.5)
    weight.gradient = Tensor([0, 0])
    try optimizer.step()
    #expect(weight.value == Tensor([8, -8]))
    scheduler.step()
    try optimizer.step()
    // The rate is 0.25, so one eighth is subtracted.
    #expect(weight.value == Tensor([7, -7]))
  }

  @Test func `Settings that cannot be used are refused`() {
    let weight = Parameter("weight", Tensor(ones: [3]))
    func make(
      _ parameters: [Parameter], rate: Double = 1e-3, ratio: Double = 0, decay: Double = 0.1,
      warmup: Int = 1, included: [String] = []
    ) throws {
      _ = try AdamW.withLinearDecay(
        parameters, initialRate: rate, trainingSteps: 10, warmupSteps: warmup, minimumRateRatio: ratio,
        weightDecay: decay, includedInWeightDecay: included)
    }
    #expect(throws: OptimizerError.noParameters(group: 0)) { try make([]) }
    #expect(throws: OptimizerError.self) { try make([weight], decay: -0.1) }
    #expect(throws: OptimizerError.self) { try make([weight], included: ["("]) }
    #expect(throws: ScheduleError.self) { try make([weight], ratio: 1) }
    #expect(throws: ScheduleError.self) { try make([weight], warmup: -1) }
    #expect(throws: (any Error).self) { try make([weight], rate: -1) }
  }
}
