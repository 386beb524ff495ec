import Schedules
import Testing

@Suite struct ScheduleSettingsTests {
  @Test func `Invalid settings are errors that name schedule, setting and value`() {
    let nan = Double.nan
    let attempts: [(String, () throws -> any Schedule)] = [
      ("linear: warmupSteps is -1", { try LinearSchedule(warmupSteps: -1, trainingSteps: 10) }),
      ("linear: trainingSteps is -2", { try LinearSchedule(trainingSteps: -2) }),
      ("linear: trainingSteps is 9223372036854775807", { try LinearSchedule(trainingSteps: .max) }),
      (
        "Fraction: trainingSteps is 9223372036854775807",
        { try REXSchedule(trainingSteps: Fraction(1).steps(of: Int.max)) }
      ),
      (
        "warmup_stable_decay: warmupSteps is 9223372036854775807",
        { try WarmupStableDecaySchedule(warmupSteps: Int.max, decaySteps: Int.max, trainingSteps: 3) }
      ),
      ("Fraction: value is 1.5", { try LinearSchedule(warmupSteps: .fraction(1.5), trainingSteps: 10) }),
      ("Fraction: value is nan", { try LinearSchedule(warmupSteps: .fraction(nan), trainingSteps: 10) }),
      ("cosine: cycles is nan", { try CosineSchedule(trainingSteps: 10, cycles: nan) }),
      (
        "cosine_with_restarts: cycles is -1.0",
        { try CosineWithRestartsSchedule(trainingSteps: 9, cycles: -1) }
      ),
      ("polynomial: power is 0.0", { try PolynomialSchedule(trainingSteps: 10, power: 0) }),
      ("polynomial: endRate is -1.0", { try PolynomialSchedule(trainingSteps: 10, endRate: -1) }),
      ("inverse_sqrt: timescale is 0", { try InverseSquareRootSchedule(warmupSteps: 3, timescale: 0) }),
      (
        "cosine_with_min_lr: minimum is -0.5",
        { try CosineWithMinimumSchedule(trainingSteps: 10, minimum: .ratio(-0.5)) }
      ),
      (
        "cosine_warmup_with_min_lr: warmupStartRatio is -1.0",
        { try CosineWarmupWithMinimumSchedule(trainingSteps: 10, minimum: .ratio(0), warmupStartRatio: -1) }
      ),
      (
        "warmup_stable_decay: trainingSteps is 10, but must include the warmup (6) and the decay (5)",
        { try WarmupStableDecaySchedule(warmupSteps: 6, decaySteps: 5, trainingSteps: 10) }
      ),
      (
        "warmup_stable_decay: stableSteps is -1",
        { try WarmupStableDecaySchedule(warmupSteps: 6, stableSteps: -1, decaySteps: 5) }
      ),
      (
        "warmup_stable_decay: minimumRatio is 0.0",
        {
          try WarmupStableDecaySchedule(
            warmupSteps: 1, stableSteps: 1, decaySteps: 5, decayShape: .exponential)
        }
      ),
      ("exponential: decayRate is 0.0", { try ExponentialSchedule(decayRate: 0) }),
      ("exponential: decaySteps is 0", { try ExponentialSchedule(decayRate: 0.5, decaySteps: 0) }),
      ("step: stepSize is 0", { try StepDecaySchedule(stepSize: 0) }),
      ("multi_step: milestones is [3, 2]", { try MultiStepDecaySchedule(milestones: [3, 2]) }),
      ("multi_step: milestones is [-1]", { try MultiStepDecaySchedule(milestones: [-1]) }),
      ("one_cycle: trainingSteps is 0", { try OneCycleSchedule(trainingSteps: 0) }),
      ("one_cycle: riseFraction is 1.5", { try OneCycleSchedule(trainingSteps: 9, riseFraction: 1.5) }),
      (
        "one_cycle: riseFraction is 0.6",
        { try OneCycleSchedule(trainingSteps: 9, riseFraction: 0.6, threePhases: true) }
      ),
      (
        "cosine_warm_restarts: growth is 0", { try CosineWarmRestartsSchedule(firstCycleSteps: 1, growth: 0) }
      ),
      ("tri_stage: holdSteps is -1", { try TriStageSchedule(warmupSteps: 1, holdSteps: -1, decaySteps: 1) }),
      (
        "tri_stage: trainingSteps is 5",
        { try TriStageSchedule(warmupSteps: 3, holdSteps: 3, trainingSteps: 5) }
      ),
      ("rex: delay is 1.0", { try REXSchedule(trainingSteps: 5, delay: 1) }),
      ("piecewise: points is at the steps []", { try PiecewiseSchedule(points: []) }),
      (
        "piecewise: points is at the steps [2, 2]",
        { try PiecewiseSchedule(points: [.init(step: 2, multiplier: 1), .init(step: 2, multiplier: 2)]) }
      ),
      ("joined: boundaries is [1]", { try JoinedSchedule([ConstantSchedule()], boundaries: [1]) }),
      (
        "joined: boundaries is [2, 1]",
        { try JoinedSchedule(Array(repeating: ConstantSchedule(), count: 3), boundaries: [2, 1]) }
      ),
      (
        "warmup: steps is 11, but must be at most trainingSteps, 10",
        { try WarmupSchedule(steps: 11, of: 10) { _ in ConstantSchedule() } }
      ),
      ("warmup: steps is -1", { try WarmupSchedule(steps: -1, then: ConstantSchedule()) }),
    ]
    for (message, attempt) in attempts {
      let error = #expect(throws: ScheduleError.self) { try attempt() }
      #expect(
        error?.description.hasPrefix(message) == true, "\(error?.description ?? "no error"), not \(message)")
    }
  }

  @Test func `Fractions are rounded up to whole steps, as transformers does`() throws {
    #expect(try LinearSchedule(warmupSteps: .fraction(0.1), trainingSteps: 25).warmupSteps == 3)
    #expect(try LinearSchedule(warmupSteps: .fraction(0.1), trainingSteps: 22).warmupSteps == 3)
    #expect(try LinearSchedule(warmupSteps: .fraction(0), trainingSteps: 25).warmupSteps == 0)
    #expect(try LinearSchedule(warmupSteps: .fraction(1), trainingSteps: 25).warmupSteps == 25)
    let stable = try WarmupStableDecaySchedule(
      warmupSteps: .fraction(0.1), decaySteps: .fraction(0.2), trainingSteps: 50)
    #expect((stable.warmupSteps, stable.stableSteps, stable.decaySteps) == (5, 35, 10))
    let stages = try TriStageSchedule(
      warmupSteps: .fraction(0.1), holdSteps: .fraction(0.4), trainingSteps: 50)
    #expect((stages.warmupSteps, stages.holdSteps, stages.decaySteps) == (5, 20, 25))
    let warmup = try WarmupSchedule(steps: .fraction(0.1), of: 50) { try REXSchedule(trainingSteps: $0) }
    #expect(warmup.steps == 5)
    #expect(warmup.schedule == AnyLearningRateSchedule(try REXSchedule(trainingSteps: 45)))
  }

  @Test func `With W ≥ T, polynomial has its end rate from the end of the warmup on`() throws {
    for (warmupSteps, trainingSteps) in [(10, 10), (12, 10), (0, 0), (1, 1)] {
      let schedule = try PolynomialSchedule(
        warmupSteps: warmupSteps, trainingSteps: trainingSteps, endRate: 0.25, power: 2)
      for step in 0..<20 {
        let expected = step < warmupSteps ? Double(step) / Double(warmupSteps) : 0.25
        #expect(schedule.rate(at: step, initialRate: 1) == expected)
      }
    }
  }

  @Test func `An end rate or a minimum is the same rate for every group, regardless of its initial rate`()
    throws
  {
    let polynomial = try PolynomialSchedule(trainingSteps: 10, endRate: 1e-5)
    let cosine = try CosineWithMinimumSchedule(trainingSteps: 10, minimum: .rate(1e-5))
    for initialRate in [1e-3, 1e-2, 5e-5] {
      #expect(polynomial.rate(at: 10, initialRate: initialRate) == 1e-5)
      #expect(cosine.rate(at: 10, initialRate: initialRate) == 1e-5)
      #expect(polynomial.rate(at: 0, initialRate: initialRate) == initialRate)
      #expect(agrees(cosine.rate(at: 0, initialRate: initialRate), initialRate))
    }
    #expect(cosine.rate(at: 5, initialRate: 0) == 0.5e-5)
  }

  @Test func `An end rate above a group's rate is found inside any composition`() throws {
    let inner = try PolynomialSchedule(trainingSteps: 10, endRate: 1e-2)
    let outer = try JoinedSchedule(
      [ConstantSchedule(), WarmupSchedule(steps: 3, then: inner)], boundaries: [5])
    #expect(throws: ScheduleError.endRateNotBelowInitial(endRate: 1e-2, initialRate: 1e-3)) {
      try outer.check(initialRate: 1e-3)
    }
    try outer.check(initialRate: 1)
  }
}
