import Foundation
import Schedules
import Testing

/// States of schedulers that version 0.0 saved, with the rates that it set next.
private struct SavedCase: Decodable, CustomTestStringConvertible {
  let name: String
  let state: LearningRateScheduler.State
  let rates: [[Double]]
  var testDescription: String { name }

  static let all: [SavedCase] = {
    let url = Bundle.module.url(
      forResource: "saved-by-0.0", withExtension: "json", subdirectory: "Reference")!
    return try! JSONDecoder().decode([SavedCase].self, from: Data(contentsOf: url))
  }()

  /// Returns new schedules equal to the ones in the file, in its order.
  static func schedules() throws -> [any LearningRateSchedule] {
    func stable(
      _ warmup: WarmupShape, _ decay: DecayShape, _ minimumRatio: Double = 0
    ) throws -> WarmupStableDecaySchedule {
      try WarmupStableDecaySchedule(
        warmupSteps: 7, stableSteps: 4, decaySteps: 13, warmupShape: warmup, decayShape: decay,
        minimumRatio: minimumRatio)
    }
    return [
      ConstantSchedule(), try ConstantWithWarmupSchedule(warmupSteps: 7),
      try LinearSchedule(warmupSteps: 7, trainingSteps: 25),
      try CosineSchedule(warmupSteps: 7, trainingSteps: 25, cycles: 1.3),
      try CosineWithRestartsSchedule(warmupSteps: 7, trainingSteps: 25, cycles: 2.5),
      try PolynomialSchedule(warmupSteps: 7, trainingSteps: 25, endRate: 1e-5, power: 2),
      try InverseSquareRootSchedule(warmupSteps: 7, timescale: 11),
      try CosineWithMinimumSchedule(warmupSteps: 7, trainingSteps: 25, minimum: .rate(1e-5)),
      try CosineWithMinimumSchedule(warmupSteps: 7, trainingSteps: 25, minimum: .ratio(0.1), cycles: 2),
      try CosineWarmupWithMinimumSchedule(
        warmupSteps: 7, trainingSteps: 25, minimum: .ratio(0.1), warmupStartRatio: 0.2),
      try CosineWarmupWithMinimumSchedule(
        warmupSteps: 7, trainingSteps: 25, minimum: .rate(1e-5), cycles: 1),
      try stable(.cosine, .power(2)), try stable(.oneMinusSquareRoot, .exponential, 0.1),
      try stable(.linear, .cosine(cycles: 1.5), 0.1), try stable(.linear, .linear),
      try stable(.linear, .oneMinusSquareRoot),
      try ExponentialSchedule(decayRate: 0.9, decaySteps: 3),
      try StepDecaySchedule(stepSize: 9, decayRate: 0.3),
      try MultiStepDecaySchedule(milestones: [3, 3, 20]),
      try OneCycleSchedule(
        trainingSteps: 25, riseFraction: 0.2, initialDivisor: 20, finalDivisor: 1e3, annealing: .linear,
        threePhases: true),
      try CosineWarmRestartsSchedule(firstCycleSteps: 5, growth: 2, minimumRate: 1e-6),
      try TriStageSchedule(
        warmupSteps: 7, holdSteps: 4, decaySteps: 10, initialRatio: 0.02, finalRatio: 0.03),
      try REXSchedule(trainingSteps: 25, delay: 0.25),
      try PiecewiseSchedule(
        points: [.init(step: 3, multiplier: 1), .init(step: 20, multiplier: 0.1)], interpolation: .cosine),
      try JoinedSchedule(
        [
          LinearSchedule(trainingSteps: 10),
          WarmupSchedule(
            steps: 5, then: CosineWithMinimumSchedule(trainingSteps: 10, minimum: .ratio(0.2))),
        ], boundaries: [10]),
      try WarmupSchedule(steps: 9, startRatio: 0.1, shape: .cosine, then: REXSchedule(trainingSteps: 15)),
      try ReduceOnPlateauSchedule(factor: 0.5, patience: 1, cooldown: 2),
      try ReduceOnPlateauSchedule(
        mode: .maximize, threshold: 0.01, thresholdMode: .absolute, factor: 0.5, patience: 1, cooldown: 2,
        minimumRate: [1e-4, 5e-4], epsilon: 1e-9),
      try GreedySchedule(
        factor: 0.7, patience: 1, cooldown: 1, warmup: 2, minimumRate: [1e-4, 2e-4], maximumRate: 0.5,
        epsilon: 1e-9, smoothingWindow: 3, resetStart: 2),
      try GreedySchedule(
        mode: .maximize, threshold: 0.01, thresholdMode: .relative, factor: 0.7, patience: 0),
      try LinearSchedule(trainingSteps: 25),
    ]
  }
}

@Suite struct SavedStatesTests {
  /// Returns the metric of the program that wrote the file.
  private func metric(_ step: Int) -> Double {
    (1 + cos(Double(step))) * (step < 12 ? 20 - Double(step) : Double(step)) / 8
  }

  @Test(arguments: SavedCase.all.indices)
  func `States that version 0.0 saved continue with its rates`(index: Int) throws {
    let saved = SavedCase.all[index]
    let schedule = AnyLearningRateSchedule(try SavedCase.schedules()[index])
    let hyperparameter = saved.state.hyperparameter
    func optimizer() -> TestOptimizer {
      TestOptimizer(learningRates: [1e-2, 2e-3], weightDecays: [1e-2, 2e-3])
    }
    let anew = try LearningRateScheduler(optimizer(), schedule, scheduling: hyperparameter)
    for step in 0..<saved.state.stepCount { anew.step(metric: metric(step)) }
    #expect(anew.state == saved.state)
    let resumed = try LearningRateScheduler(optimizer(), resuming: saved.state)
    try #require(saved.rates.count == 24)
    for rates in saved.rates {
      for scheduler in [anew, resumed] {
        let current = scheduler.currentRates.compactMap(\.self)
        #expect(current.count == rates.count && zip(current, rates).allSatisfy(agrees))
        scheduler.step(metric: metric(scheduler.stepCount))
      }
    }
  }

  @Test func `The file includes every schedule, and both hyperparameters`() throws {
    let names = Set(SavedCase.all.map(\.name))
    let here = try SavedCase.schedules()
    #expect(names == Set(here.map { type(of: $0).name }) && names.count == 22)
    #expect(here.count == SavedCase.all.count)
    #expect(Set(SavedCase.all.map(\.state.hyperparameter)) == [.learningRate, .weightDecay])
  }

  @Test func `A user's own type that version 0.0 saved is decoded too`() throws {
    struct Halving: MultiplierSchedule {
      let steps: Int
      func multiplier(at step: Int) -> Double { step < steps ? 1 : 0.5 }
    }
    let decoder = JSONDecoder()
    decoder.userInfo[.scheduleTypes] = [Halving.self] as [any LearningRateSchedule.Type]
    let inner = #"{"kind": "Halving", "settings": {"steps": 3}}"#
    let joined = #"{"kind": "joined", "settings": {"schedules": [\#(inner)], "boundaries": []}}"#
    for text in [inner, joined] {
      let schedule = try decoder.decode(AnyLearningRateSchedule.self, from: Data(text.utf8))
      let scheduler = try LearningRateScheduler(TestOptimizer(learningRates: [1]), schedule)
      for _ in 0..<3 { scheduler.step() }
      #expect(scheduler.currentRates == [0.5])
    }
  }
}
