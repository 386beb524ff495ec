import Schedules

/// One value of every schedule type, including composed schedules, for tests of properties that all schedules have.
enum ScheduleSamples {
  static let all: [AnyLearningRateSchedule] = try! make().map { AnyLearningRateSchedule($0) }

  private static func make() throws -> [any Schedule] {
    [
      ConstantSchedule(),
      try ConstantWithWarmupSchedule(warmupSteps: 7),
      try LinearSchedule(warmupSteps: 7, trainingSteps: 50),
      try CosineSchedule(warmupSteps: 7, trainingSteps: 50, cycles: 1.3),
      try CosineWithRestartsSchedule(warmupSteps: 7, trainingSteps: 50, cycles: 2.5),
      try PolynomialSchedule(warmupSteps: 7, trainingSteps: 50, endRate: 1e-5, power: 2),
      try InverseSquareRootSchedule(warmupSteps: 7, timescale: 11),
      try CosineWithMinimumSchedule(warmupSteps: 7, trainingSteps: 50, minimum: .rate(1e-5)),
      try CosineWithMinimumSchedule(warmupSteps: 7, trainingSteps: 50, minimum: .ratio(0.1), cycles: 2),
      try CosineWarmupWithMinimumSchedule(
        warmupSteps: 7, trainingSteps: 50, minimum: .ratio(0.1), warmupStartRatio: 0.2),
      try WarmupStableDecaySchedule(
        warmupSteps: 7, stableSteps: 20, decaySteps: 13, warmupShape: .cosine, decayShape: .power(2)),
      try WarmupStableDecaySchedule(
        warmupSteps: 7, decaySteps: 13, trainingSteps: 50, warmupShape: .oneMinusSquareRoot,
        decayShape: .exponential, minimumRatio: 0.1),
      try WarmupStableDecaySchedule(
        warmupSteps: 7, stableSteps: 20, decaySteps: 13, decayShape: .cosine(cycles: 1.5)),
      try ExponentialSchedule(decayRate: 0.9, decaySteps: 3),
      try StepDecaySchedule(stepSize: 9, decayRate: 0.3),
      try MultiStepDecaySchedule(milestones: [3, 3, 20]),
      try OneCycleSchedule(trainingSteps: 50, riseFraction: 0.2, annealing: .linear, threePhases: true),
      try CosineWarmRestartsSchedule(firstCycleSteps: 5, growth: 2, minimumRate: 1e-6),
      try TriStageSchedule(warmupSteps: 7, holdSteps: 11, decaySteps: 30),
      try REXSchedule(trainingSteps: 50),
      try PiecewiseSchedule(
        points: [.init(step: 3, multiplier: 1), .init(step: 30, multiplier: 0.1)], interpolation: .cosine),
      try JoinedSchedule(
        [
          LinearSchedule(trainingSteps: 20),
          WarmupSchedule(steps: 5, then: CosineSchedule(trainingSteps: 20)),
        ], boundaries: [20]),
      try WarmupSchedule(steps: 9, startRatio: 0.1, shape: .cosine, then: REXSchedule(trainingSteps: 40)),
    ]
  }
}
