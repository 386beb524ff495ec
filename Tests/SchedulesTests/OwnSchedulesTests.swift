import Foundation
import Schedules
import Testing

/// Schedules without a counterpart in transformers or torch, compared with independently written formulas.
@Suite struct OwnSchedulesTests {
  @Test func `tri_stage multiplies by the same factor at each step of its decay, as fairseq does`() throws {
    let schedule = try TriStageSchedule(
      warmupSteps: 5, holdSteps: 3, decaySteps: 10, initialRatio: 0.1, finalRatio: 0.02)
    // fairseq: warmup by equal differences from init to peak, decay by exp(−decay_factor · step).
    let difference = (1 - 0.1) / 5
    let decayFactor = -log(0.02) / 10
    for step in 0..<30 {
      let expected =
        switch step {
        case ..<5: 0.1 + difference * Double(step)
        case ..<8: 1.0
        case ..<18: exp(-decayFactor * Double(step - 8))
        default: 0.02
        }
      #expect(agrees(schedule.multiplier(at: step), expected), "step \(step)")
    }
  }

  @Test func `rex is (1 − x) / (½ + ½(1 − x)), and a straight line without delay`() throws {
    let schedule = try REXSchedule(trainingSteps: 40)
    let straight = try REXSchedule(trainingSteps: 40, delay: 0)
    for step in 0...40 {
      let left = 1 - Double(step) / 40
      #expect(agrees(schedule.multiplier(at: step), left / (0.5 + 0.5 * left)))
      #expect(agrees(straight.multiplier(at: step), left))
    }
    #expect(schedule.multiplier(at: 41) == 0)
    #expect(try REXSchedule(trainingSteps: 0).multiplier(at: 0) == 0)
  }

  @Test func `wsd's power decay with ½ is 1-sqrt, with 1 it is linear, and with 2 it is 1 − x²`() throws {
    func schedule(_ shape: DecayShape) throws -> WarmupStableDecaySchedule {
      try WarmupStableDecaySchedule(
        warmupSteps: 2, stableSteps: 3, decaySteps: 20, decayShape: shape, minimumRatio: 0.1)
    }
    let (root, line) = (try schedule(.oneMinusSquareRoot), try schedule(.linear))
    let (half, one, two) = (try schedule(.power(0.5)), try schedule(.power(1)), try schedule(.power(2)))
    for step in 0..<30 {
      #expect(agrees(half.multiplier(at: step), root.multiplier(at: step)))
      #expect(agrees(one.multiplier(at: step), line.multiplier(at: step)))
      if (5..<25).contains(step) {
        let x = Double(step - 5) / 20
        #expect(agrees(two.multiplier(at: step), 0.1 + 0.9 * (1 - x * x)))
      }
    }
    #expect(two.multiplier(at: 25) == 0.1)
  }

  @Test func `wsd's exponential decay multiplies by the same factor and ends at its minimum`() throws {
    let schedule = try WarmupStableDecaySchedule(
      warmupSteps: 0, stableSteps: 3, decaySteps: 8, decayShape: .exponential, minimumRatio: 0.01)
    let factor = pow(0.01, 1.0 / 8)
    for step in 3..<11 {
      #expect(agrees(schedule.multiplier(at: step + 1), schedule.multiplier(at: step) * factor), "\(step)")
    }
    #expect(schedule.multiplier(at: 3) == 1 && schedule.multiplier(at: 11) == 0.01)
  }

  @Test func `Piecewise passes through its points and keeps the first and last multiplier`() throws {
    let points = [(4, 1.0), (10, 0.5), (20, 0.1)].map { PiecewiseSchedule.Point(step: $0, multiplier: $1) }
    for interpolation in PiecewiseSchedule.Interpolation.allCases {
      let schedule = try PiecewiseSchedule(points: points, interpolation: interpolation)
      for point in points { #expect(schedule.multiplier(at: point.step) == point.multiplier) }
      #expect(schedule.multiplier(at: 0) == 1 && schedule.multiplier(at: 999) == 0.1)
      let between = schedule.multiplier(at: 12)
      switch interpolation {
      case .constant: #expect(between == 0.5)
      case .linear: #expect(agrees(between, 0.5 - 0.4 * 0.2))
      case .cosine: #expect(agrees(between, 0.5 - 0.4 * (1 - cos(Double.pi * 0.2)) / 2))
      }
    }
  }

  @Test func `Joined schedules each start at their own step 0`() throws {
    let parts: [any Schedule] = [
      try LinearSchedule(trainingSteps: 5), try CosineSchedule(trainingSteps: 10),
      try StepDecaySchedule(stepSize: 2),
    ]
    let joined = try JoinedSchedule(parts, boundaries: [5, 15])
    for step in 0..<5 {
      #expect(joined.rate(at: step, initialRate: 2) == parts[0].rate(at: step, initialRate: 2))
    }
    for step in 0..<10 {
      #expect(joined.rate(at: step + 5, initialRate: 2) == parts[1].rate(at: step, initialRate: 2))
    }
    for step in 0..<10 {
      #expect(joined.rate(at: step + 15, initialRate: 2) == parts[2].rate(at: step, initialRate: 2))
    }
    let skipped = try JoinedSchedule(parts, boundaries: [5, 5])
    #expect(skipped.rate(at: 5, initialRate: 2) == parts[2].rate(at: 0, initialRate: 2))
  }

  @Test func `A linear warmup from 0 before constant and linear equals their own warmup`() throws {
    let constant = try WarmupSchedule(steps: 6, then: ConstantSchedule())
    let linear = try WarmupSchedule(steps: 6, of: 20) { try LinearSchedule(trainingSteps: $0) }
    let (ownConstant, ownLinear) = (
      try ConstantWithWarmupSchedule(warmupSteps: 6), try LinearSchedule(warmupSteps: 6, trainingSteps: 20)
    )
    for step in 0..<30 {
      #expect(agrees(constant.rate(at: step, initialRate: 3), ownConstant.rate(at: step, initialRate: 3)))
      #expect(agrees(linear.rate(at: step, initialRate: 3), ownLinear.rate(at: step, initialRate: 3)))
    }
    let raised = try WarmupSchedule(steps: 4, startRatio: 0.2, then: ConstantSchedule())
    let rates = (0..<5).map { raised.rate(at: $0, initialRate: 1) }
    #expect(zip(rates, [0.2, 0.4, 0.6, 0.8, 1]).allSatisfy(agrees))
  }

  @Test func `Cycles of warm restarts do not overflow at the largest step`() throws {
    let schedule = try CosineWarmRestartsSchedule(firstCycleSteps: 3, growth: 7)
    let rate = schedule.rate(at: .max, initialRate: 1)
    #expect((0...1).contains(rate))
  }
}

@Suite struct OneCycleTests {
  @Test func `A rise of one step has its peak there, and the fall starts`() throws {
    // qT = 1: the rise starts and ends at step 0.
    let schedule = try OneCycleSchedule(trainingSteps: 10, riseFraction: 0.1, annealing: .linear)
    let end = 1 / 25.0 / 1e4
    for step in 0..<10 {
      // Both are differences of numbers near 1, each rounded a few times.
      #expect(
        abs(schedule.rate(at: step, initialRate: 1) - (1 + (end - 1) * Double(step) / 9)) <= 4 * 1.0.ulp)
    }
  }

  @Test func `After the last step, the rate is constant`() throws {
    let schedule = try OneCycleSchedule(trainingSteps: 10)
    for step in 10..<20 {
      #expect(schedule.rate(at: step, initialRate: 1) == schedule.rate(at: 9, initialRate: 1))
    }
    #expect(agrees(schedule.rate(at: 9, initialRate: 1), 1 / 25.0 / 1e4))
    let risingOnly = try OneCycleSchedule(trainingSteps: 10, riseFraction: 1)
    #expect(risingOnly.rate(at: 9, initialRate: 1) == 1 && risingOnly.rate(at: 10, initialRate: 1) == 1)
    #expect(try OneCycleSchedule(trainingSteps: 1, riseFraction: 1).rate(at: 0, initialRate: 1) == 1)
  }
}
