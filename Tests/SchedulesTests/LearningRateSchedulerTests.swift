import Foundation
import Schedules
import Testing

@Suite struct LearningRateSchedulerTests {
  @Test func `The initializer sets each group's rate for step 0 from the group's own initial rate`()
    throws
  {
    let optimizer = TestOptimizer(learningRates: [1, 0.1])
    let schedule = try PolynomialSchedule(warmupSteps: 2, trainingSteps: 6, endRate: 0.01)
    let scheduler = try LearningRateScheduler(optimizer, schedule)
    #expect(scheduler.stepCount == 0)
    #expect(optimizer.learningRates == [0, 0])
    for step in 1..<10 {
      scheduler.step()
      #expect(scheduler.stepCount == step)
      let expected = [1, 0.1].map { schedule.rate(at: step, initialRate: $0) }
      #expect(scheduler.currentRates == expected)
      #expect(optimizer.learningRates == expected)
    }
    #expect(optimizer.learningRates == [0.01, 0.01])
    #expect(scheduler.initialRates == [1, 0.1])
    #expect(optimizer.weightDecays == [0, 0])
  }

  @Test func `Weight decay is scheduled in the same way, in addition to the rate`() throws {
    let optimizer = TestOptimizer(learningRates: [1], weightDecays: [0.5])
    let rates = try LearningRateScheduler(optimizer, LinearSchedule(trainingSteps: 4))
    let decays = try LearningRateScheduler(
      optimizer, StepDecaySchedule(stepSize: 1, decayRate: 0.5), scheduling: .weightDecay)
    rates.step()
    decays.step()
    #expect(optimizer.learningRates == [0.75])
    #expect(optimizer.weightDecays == [0.25])
  }

  @Test func `A group that computes its own rate is refused, and nothing changes`() {
    let optimizer = TestOptimizer(learningRates: [1, nil])
    let error = #expect(throws: ScheduleError.self) {
      try LearningRateScheduler(optimizer, LinearSchedule(trainingSteps: 4))
    }
    #expect(error == .notSchedulable(.learningRate, group: 1))
    #expect(optimizer.learningRates == [1, nil])
  }

  @Test func `A schedule that does not fit a group is refused, and nothing changes`() throws {
    let optimizer = TestOptimizer(learningRates: [1, 1e-3])
    #expect(throws: ScheduleError.endRateNotBelowInitial(endRate: 0.01, initialRate: 1e-3)) {
      try LearningRateScheduler(optimizer, PolynomialSchedule(trainingSteps: 4, endRate: 0.01))
    }
    #expect(optimizer.learningRates == [1, 1e-3])
  }

  @Test func `A metric drives the rates of a metric-driven schedule, and only counts as a step for others`()
    throws
  {
    let optimizer = TestOptimizer(learningRates: [1, 0.5])
    let scheduler = try LearningRateScheduler(
      optimizer, ReduceOnPlateauSchedule(factor: 0.5, patience: 0, minimumRate: [0, 0.3]))
    #expect(scheduler.followsMetric)
    scheduler.step(metric: 3)
    #expect(optimizer.learningRates == [1, 0.5])
    scheduler.step(metric: 3)
    #expect(optimizer.learningRates == [0.5, 0.3])
    #expect(scheduler.stepCount == 2)

    let other = try LearningRateScheduler(
      TestOptimizer(learningRates: [1]), LinearSchedule(trainingSteps: 4))
    #expect(!other.followsMetric)
    other.step(metric: 3)
    #expect(other.currentRates == [0.75])
  }

  @Test func `A metric-driven schedule without a metric is a mistake in the program`() async {
    await #expect(processExitsWith: .failure) {
      let scheduler = try LearningRateScheduler(TestOptimizer(learningRates: [1]), GreedySchedule())
      scheduler.step()
    }
  }

  // MARK: Saving and restoring

  private static let policies: [AnyLearningRateSchedule] =
    ScheduleSamples.all + [
      .byMetric(try! ReduceOnPlateauSchedule(factor: 0.5, patience: 1, cooldown: 2)),
      .byMetric(
        try! GreedySchedule(
          factor: 0.7, patience: 1, cooldown: 1, warmup: 2, minimumRate: [1e-4, 1e-4], smoothingWindow: 3,
          resetStart: 2)),
    ]

  /// Returns the same values in every run: falling, rising, NaN and infinity.
  private func metric(_ step: Int) -> Double {
    switch step {
    case 30: .nan
    case 31: .infinity
    default: sin(Double(step) * 0.7) + (step < 20 ? -Double(step) / 10 : Double(step) / 10)
    }
  }

  @Test(arguments: policies, [0, 9, 33, 60])
  func `A restored run has the rates of the uninterrupted run bit for bit`(
    policy: AnyLearningRateSchedule, interruption: Int
  ) throws {
    func scheduler() throws -> LearningRateScheduler {
      try LearningRateScheduler(TestOptimizer(learningRates: [1e-2, 2e-3]), policy)
    }
    let uninterrupted = try scheduler()
    let first = try scheduler()
    for step in 0..<interruption {
      uninterrupted.step(metric: metric(step))
      first.step(metric: metric(step))
    }
    let data = try JSONEncoder().encode(first.state)
    let state = try JSONDecoder().decode(LearningRateScheduler.State.self, from: data)
    #expect(state == first.state)
    let restored = try scheduler()
    try restored.restore(state)
    // A restored optimizer has the decayed rates.
    let resumed = try LearningRateScheduler(TestOptimizer(learningRates: [7, 8]), resuming: state)
    for step in interruption..<interruption + 40 {
      for scheduler in [restored, resumed] {
        #expect(scheduler.stepCount == step)
        #expect(scheduler.currentRates == uninterrupted.currentRates)
        let optimizer = try #require(scheduler.optimizer as? TestOptimizer)
        #expect(optimizer.learningRates == uninterrupted.currentRates)
        scheduler.step(metric: metric(step))
      }
      uninterrupted.step(metric: metric(step))
    }
  }

  @Test func `Restoring into a different configuration lists all differences, and changes nothing`() throws {
    let saved = try LearningRateScheduler(
      TestOptimizer(learningRates: [1, 0.1]),
      WarmupSchedule(steps: 5, then: CosineWithMinimumSchedule(trainingSteps: 10, minimum: .ratio(0.1))))
    saved.step()
    let optimizer = TestOptimizer(learningRates: [1, 0.2])
    let other = try LearningRateScheduler(
      optimizer,
      WarmupSchedule(
        steps: 6, shape: .cosine, then: CosineWithMinimumSchedule(trainingSteps: 12, minimum: .rate(0.1))))
    let rates = optimizer.learningRates
    #expect(
      throws: ScheduleError.differentConfiguration([
        "initialRates[1] is 0.1 in the saved state, 0.2 here",
        "warmup.steps is 5 in the saved state, 6 here",
        "warmup.shape is linear in the saved state, cosine here",
        "warmup.schedule.trainingSteps is 10 in the saved state, 12 here",
        "warmup.schedule.minimumRate is none in the saved state, 0.1 here",
        "warmup.schedule.minimumRatio is 0.1 in the saved state, none here",
      ])
    ) { try other.restore(saved.state) }
    #expect(other.stepCount == 0)
    #expect(optimizer.learningRates == rates)
  }

  @Test func `A different schedule, number of groups or hyperparameter is a difference`() throws {
    let saved = try LearningRateScheduler(TestOptimizer(learningRates: [1]), LinearSchedule(trainingSteps: 4))
    let other = try LearningRateScheduler(
      TestOptimizer(learningRates: [1, 1], weightDecays: [1, 1]), GreedySchedule(), scheduling: .weightDecay)
    #expect(
      throws: ScheduleError.differentConfiguration([
        "hyperparameter is learningRate in the saved state, weightDecay here",
        "initialRates is [1.0] in the saved state, [1.0, 1.0] here",
        "the schedule is linear in the saved state, greedy here",
      ])
    ) { try other.restore(saved.state) }
    // A group that was added later may have another scheduler.
    #expect(
      try LearningRateScheduler(TestOptimizer(learningRates: [1, 1]), resuming: saved.state).currentRates == [
        1
      ])
  }

  @Test func `Progress is not a difference in the configuration`() throws {
    func plateau() throws -> LearningRateScheduler {
      try LearningRateScheduler(TestOptimizer(learningRates: [1]), ReduceOnPlateauSchedule(patience: 0))
    }
    let (saved, other) = (try plateau(), try plateau())
    for _ in 0..<5 { saved.step(metric: 1) }
    other.step(metric: 9)
    try other.restore(saved.state)
    #expect(other.state == saved.state)
  }

  @Test func `A state with parts that do not match each other is refused`() throws {
    let optimizer = TestOptimizer(learningRates: [1])
    var state = try LearningRateScheduler(optimizer, GreedySchedule()).state
    state.stepCount = -1
    #expect(throws: ScheduleError.self) { try LearningRateScheduler(optimizer, resuming: state) }
    let scheduler = try LearningRateScheduler(optimizer, GreedySchedule())
    #expect(throws: ScheduleError.self) { try scheduler.restore(state) }
    state.stepCount = 1
    state.schedules = [.byMetric(try GreedySchedule())]
    #expect(throws: ScheduleError.self) { try LearningRateScheduler(optimizer, resuming: state) }
  }

  // MARK: A schedule per group

  @Test func `Each group has its own schedule, and a group without a schedule is unchanged`() throws {
    let optimizer = TestOptimizer(learningRates: [1, nil, 0.1, 7])
    let scheduler = try LearningRateScheduler(
      optimizer, [LinearSchedule(trainingSteps: 4), nil, StepDecaySchedule(stepSize: 1), nil])
    #expect(scheduler.initialRates == [1, nil, 0.1, nil])
    scheduler.step()
    #expect(optimizer.learningRates == [0.75, nil, 0.1 * 0.1, 7])
    #expect(scheduler.currentRates == [0.75, nil, 0.1 * 0.1, nil])
    optimizer.learningRates[3] = 8
    scheduler.step()
    #expect(optimizer.learningRates[3] == 8 && optimizer.learningRates[0] == 0.5)
  }

  @Test func `Schedules per group are saved and restored`() throws {
    func scheduler(_ optimizer: TestOptimizer) throws -> LearningRateScheduler {
      try LearningRateScheduler(
        optimizer, [nil, CosineSchedule(trainingSteps: 9), ReduceOnPlateauSchedule(patience: 0)])
    }
    func optimizer() -> TestOptimizer { TestOptimizer(learningRates: [nil, 1, 0.1]) }
    let first = try scheduler(optimizer())
    for _ in 0..<3 { first.step(metric: 1) }
    let state = try JSONDecoder().decode(
      LearningRateScheduler.State.self, from: JSONEncoder().encode(first.state))
    #expect(state == first.state)
    let restored = try scheduler(optimizer())
    try restored.restore(state)
    let resumed = try LearningRateScheduler(optimizer(), resuming: state)
    for scheduler in [first, restored, resumed] { scheduler.step(metric: 1) }
    #expect(agrees(try #require(first.currentRates[2]), 1e-4))
    #expect(restored.currentRates == first.currentRates && resumed.currentRates == first.currentRates)
    #expect(first.followsMetric)
  }

  @Test func `Schedules that do not match the groups are refused with typed errors`() throws {
    let optimizer = TestOptimizer(learningRates: [1, nil])
    #expect(throws: ScheduleError.groupCount(setting: "schedule", expected: 2, actual: 1)) {
      try LearningRateScheduler(optimizer, [ConstantSchedule()])
    }
    #expect(throws: ScheduleError.notSchedulable(.learningRate, group: 1)) {
      try LearningRateScheduler(optimizer, [LinearSchedule(trainingSteps: 4), ConstantSchedule()])
    }
    #expect(optimizer.learningRates == [1, nil])
    let scheduler = try LearningRateScheduler(optimizer, [LinearSchedule(trainingSteps: 4), nil])
    var state = scheduler.state
    #expect(throws: ScheduleError.groupCount(setting: "parameter group", expected: 2, actual: 1)) {
      try LearningRateScheduler(TestOptimizer(learningRates: [1]), resuming: state)
    }
    state.initialRates[1] = 1
    #expect(throws: ScheduleError.groupCount(setting: "initial rate", expected: 0, actual: 1)) {
      try LearningRateScheduler(TestOptimizer(learningRates: [1, 1]), resuming: state)
    }
    state.schedules = [nil, nil, nil]
    #expect(throws: ScheduleError.groupCount(setting: "schedule", expected: 2, actual: 3)) {
      try LearningRateScheduler(TestOptimizer(learningRates: [1, 1]), resuming: state)
    }
    let shared = try LearningRateScheduler(
      TestOptimizer(learningRates: [1, 1]), LinearSchedule(trainingSteps: 4))
    #expect(
      throws: ScheduleError.differentConfiguration([
        "initialRates[1] is none in the saved state, 1.0 here",
        "there are 2 schedules in the saved state, 1 here",
      ])
    ) { try shared.restore(scheduler.state) }
  }

  @Test func `Resuming checks the groups like the other initializers`() throws {
    let schedule = try PolynomialSchedule(trainingSteps: 4, endRate: 0.01)
    var state = try LearningRateScheduler(TestOptimizer(learningRates: [1]), schedule).state
    let relative = TestOptimizer(learningRates: [nil])
    #expect(throws: ScheduleError.notSchedulable(.learningRate, group: 0)) {
      try LearningRateScheduler(relative, resuming: state)
    }
    #expect(relative.learningRates == [nil])
    state.initialRates = [1e-3]
    #expect(throws: ScheduleError.endRateNotBelowInitial(endRate: 0.01, initialRate: 1e-3)) {
      try LearningRateScheduler(TestOptimizer(learningRates: [1]), resuming: state)
    }
  }
}
