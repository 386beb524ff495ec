import Foundation
import Schedules
import Testing

@Suite("LearningRateScheduler")
struct LearningRateSchedulerTests {
  @Test("It sets each group's rate from the group's own initial rate, for step 0 when it is made")
  func drives() throws {
    let optimizer = TestOptimizer(learningRates: [1, 0.1])
    let schedule = try PolynomialSchedule(warmupSteps: 2, trainingSteps: 6, endRate: 0.01)
    let scheduler = try LearningRateScheduler(optimizer, schedule)
    #expect(scheduler.lastEpoch == 0)
    #expect(optimizer.learningRates == [0, 0])
    for step in 1..<10 {
      scheduler.step()
      #expect(scheduler.lastEpoch == step)
      let expected = [1, 0.1].map { schedule.rate(at: step, initialRate: $0) }
      #expect(scheduler.currentRates == expected)
      #expect(optimizer.learningRates == expected)
    }
    #expect(optimizer.learningRates == [0.01, 0.01])
    #expect(scheduler.initialRates == [1, 0.1])
    #expect(optimizer.weightDecays == [0, 0])
  }

  @Test("Weight decay is scheduled the same way, beside the rate")
  func weightDecay() throws {
    let optimizer = TestOptimizer(learningRates: [1], weightDecays: [0.5])
    let rates = try LearningRateScheduler(optimizer, LinearSchedule(trainingSteps: 4))
    let decays = try LearningRateScheduler(
      optimizer, StepDecaySchedule(stepSize: 1, decayRate: 0.5), driving: .weightDecay)
    rates.step()
    decays.step()
    #expect(optimizer.learningRates == [0.75])
    #expect(optimizer.weightDecays == [0.25])
  }

  @Test("A group that computes its rate itself is refused, and nothing is touched")
  func relativeSteps() {
    let optimizer = TestOptimizer(learningRates: [1, nil])
    let error = #expect(throws: ScheduleError.self) {
      try LearningRateScheduler(optimizer, LinearSchedule(trainingSteps: 4))
    }
    #expect(error == .notSchedulable(quantity: "learning rate", group: 1))
    #expect(optimizer.learningRates == [1, nil])
  }

  @Test("A schedule that does not suit a group is refused, and nothing is touched")
  func unsuitable() throws {
    let optimizer = TestOptimizer(learningRates: [1, 1e-3])
    #expect(throws: ScheduleError.endRateNotBelowInitial(endRate: 0.01, initialRate: 1e-3)) {
      try LearningRateScheduler(optimizer, PolynomialSchedule(trainingSteps: 4, endRate: 0.01))
    }
    #expect(optimizer.learningRates == [1, 1e-3])
  }

  @Test("A metric drives the rates of a metric-driven schedule, and only counts for others")
  func metric() throws {
    let optimizer = TestOptimizer(learningRates: [1, 0.5])
    let scheduler = try LearningRateScheduler(
      optimizer, ReduceOnPlateauSchedule(factor: 0.5, patience: 0, minimumRate: [0, 0.3]))
    #expect(scheduler.followsMetric)
    scheduler.step(metric: 3)
    #expect(optimizer.learningRates == [1, 0.5])
    scheduler.step(metric: 3)
    #expect(optimizer.learningRates == [0.5, 0.3])
    #expect(scheduler.lastEpoch == 2)

    let other = try LearningRateScheduler(
      TestOptimizer(learningRates: [1]), LinearSchedule(trainingSteps: 4))
    #expect(!other.followsMetric)
    other.step(metric: 3)
    #expect(other.currentRates == [0.75])
  }

  @Test("A metric-driven schedule without a metric is a mistake in the program")
  func missingMetric() async {
    await #expect(processExitsWith: .failure) {
      let scheduler = try LearningRateScheduler(TestOptimizer(learningRates: [1]), GreedySchedule())
      scheduler.step()
    }
  }

  // MARK: Saving and restoring

  private static let policies: [SchedulePolicy] =
    ScheduleSamples.all.map { .byStep($0) } + [
      .byMetric(AnyMetricSchedule(try! ReduceOnPlateauSchedule(factor: 0.5, patience: 1, cooldown: 2))),
      .byMetric(
        AnyMetricSchedule(
          try! GreedySchedule(
            factor: 0.7, patience: 1, cooldown: 1, warmup: 2, minimumRate: [1e-4, 1e-4], smoothingWindow: 3,
            resetStart: 2))),
    ]

  /// Falls, rises, NaN and infinity, always the same.
  private func metric(_ step: Int) -> Double {
    switch step {
    case 30: .nan
    case 31: .infinity
    default: sin(Double(step) * 0.7) + (step < 20 ? -Double(step) / 10 : Double(step) / 10)
    }
  }

  @Test(
    "A restored run has the rates of the uninterrupted one bit for bit", arguments: policies, [0, 9, 33, 60])
  func resumes(policy: SchedulePolicy, interruption: Int) throws {
    func scheduler() throws -> LearningRateScheduler {
      try LearningRateScheduler(TestOptimizer(learningRates: [1e-2, 2e-3]), policy: policy)
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
    // An optimizer that was restored by itself has the decayed rates.
    let resumed = try LearningRateScheduler(TestOptimizer(learningRates: [7, 8]), resuming: state)
    for step in interruption..<interruption + 40 {
      for scheduler in [restored, resumed] {
        #expect(scheduler.lastEpoch == step)
        #expect(scheduler.currentRates == uninterrupted.currentRates)
        #expect(scheduler.optimizer.learningRates == uninterrupted.optimizer.learningRates)
        scheduler.step(metric: metric(step))
      }
      uninterrupted.step(metric: metric(step))
    }
  }

  @Test("Restoring onto another configuration lists all differences, and changes nothing")
  func differences() throws {
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
        "warmup.schedule.base.trainingSteps is 10 in the saved state, 12 here",
        "warmup.schedule.base.minimum is ratio(0.1) in the saved state, rate(0.1) here",
      ])
    ) { try other.restore(saved.state) }
    #expect(other.lastEpoch == 0)
    #expect(optimizer.learningRates == rates)
  }

  @Test("Another schedule, another number of groups, and another quantity are differences")
  func otherKinds() throws {
    let saved = try LearningRateScheduler(TestOptimizer(learningRates: [1]), LinearSchedule(trainingSteps: 4))
    let other = try LearningRateScheduler(
      TestOptimizer(learningRates: [1, 1], weightDecays: [1, 1]), GreedySchedule(), driving: .weightDecay)
    #expect(
      throws: ScheduleError.differentConfiguration([
        "quantity is learningRate in the saved state, weightDecay here",
        "initialRates is [1.0] in the saved state, [1.0, 1.0] here",
        "the schedule is linear in the saved state, greedy here",
      ])
    ) { try other.restore(saved.state) }
    #expect(throws: ScheduleError.groupCount(setting: "parameter group", expected: 1, actual: 2)) {
      try LearningRateScheduler(TestOptimizer(learningRates: [1, 1]), resuming: saved.state)
    }
  }

  @Test("Progress is no difference of the configuration")
  func progressIsNotConfiguration() throws {
    func plateau() throws -> LearningRateScheduler {
      try LearningRateScheduler(TestOptimizer(learningRates: [1]), ReduceOnPlateauSchedule(patience: 0))
    }
    let (saved, other) = (try plateau(), try plateau())
    for _ in 0..<5 { saved.step(metric: 1) }
    other.step(metric: 9)
    try other.restore(saved.state)
    #expect(other.state == saved.state)
  }

  @Test("A state whose parts do not belong together is refused")
  func damagedState() throws {
    let optimizer = TestOptimizer(learningRates: [1])
    var state = try LearningRateScheduler(optimizer, GreedySchedule()).state
    state.lastEpoch = -1
    #expect(throws: ScheduleError.self) { try LearningRateScheduler(optimizer, resuming: state) }
    state.lastEpoch = 1
    state.policy = .byMetric(AnyMetricSchedule(try GreedySchedule()))
    #expect(throws: ScheduleError.self) { try LearningRateScheduler(optimizer, resuming: state) }
  }
}
