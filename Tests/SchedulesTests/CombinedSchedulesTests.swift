import Foundation
import Schedules
import Testing

/// Several schedulers of torch and transformers on one optimizer. `scripts/reference/combined_schedules.py` describes how
/// the rates were made.
private struct CombinedCase: Decodable, CustomTestStringConvertible {
  struct Event: Decodable {
    struct Made: Decodable {
      let name: String
      let warmup: Int
      let training: Int?
      let options: [String: ScheduleOption]

      func schedule() throws -> AnyLearningRateSchedule {
        if name == "warmup", case .double(let start)? = options["start_factor"] {
          return AnyLearningRateSchedule(
            try WarmupSchedule(steps: warmup, startRatio: start, then: ConstantSchedule()))
        }
        return try AnyLearningRateSchedule(
          named: name, warmupSteps: warmup, trainingSteps: training, options: options)
      }
    }

    let make: Made?
    let step: Int?
    let metric: Double?
    let set: Int?
    let rate: Double?
    let restore: Bool?
  }

  let name: String
  let lr: [Double]
  let events: [Event]
  let rates: [[Double]]

  var testDescription: String { "\(name), lr \(lr)" }

  static let all: [CombinedCase] = {
    struct File: Decodable { let cases: [CombinedCase] }
    let url = Bundle.module.url(
      forResource: "combined-schedules", withExtension: "json", subdirectory: "Reference")!
    return try! JSONDecoder().decode(File.self, from: Data(contentsOf: url)).cases
  }()
}

@Suite struct CombinedSchedulesTests {
  @Test(arguments: CombinedCase.all, [false, true])
  fileprivate func `Several schedulers of one optimizer give torch's rates to 1e-12`(
    torch: CombinedCase, resumes: Bool
  ) throws {
    var optimizer = TestOptimizer(learningRates: torch.lr)
    var schedulers: [LearningRateScheduler] = []
    var made: [AnyLearningRateSchedule] = []
    for (index, event) in torch.events.enumerated() {
      if let make = event.make {
        made.append(try make.schedule())
        schedulers.append(try LearningRateScheduler(optimizer, made[made.count - 1]))
      } else if let group = event.set {
        optimizer.learningRates[group] = event.rate
      } else if let scheduler = event.step {
        if let metric = event.metric {
          schedulers[scheduler].step(metric: metric)
        } else {
          schedulers[scheduler].step()
        }
      } else if event.restore == true {
        let states = try schedulers.map {
          try JSONDecoder().decode(LearningRateScheduler.State.self, from: JSONEncoder().encode($0.state))
        }
        optimizer = TestOptimizer(learningRates: torch.lr)
        if resumes {
          schedulers = try states.map { try LearningRateScheduler(optimizer, resuming: $0) }
        } else {
          schedulers = try made.map { try LearningRateScheduler(optimizer, $0) }
          for (scheduler, state) in zip(schedulers, states) { try scheduler.restore(state) }
        }
        #expect(schedulers.map(\.state) == states)
      }
      for (group, expected) in torch.rates[index].enumerated() {
        let actual = try #require(optimizer.learningRates[group])
        #expect(agrees(actual, expected), "event \(index), group \(group): \(actual), not \(expected)")
      }
    }
  }

  @Test func `A rate that nothing raises doesn't stay at 0 after a stage that ended there`() throws {
    func optimizerAtZero() throws -> TestOptimizer {
      let optimizer = TestOptimizer(learningRates: [0.5])
      let first = try LearningRateScheduler(optimizer, LinearSchedule(trainingSteps: 2))
      for _ in 0..<2 { first.step() }
      #expect(optimizer.learningRates == [0])
      return optimizer
    }
    for schedule in [
      AnyLearningRateSchedule(try ExponentialSchedule(decayRate: 0.5)),
      AnyLearningRateSchedule(try ReduceOnPlateauSchedule(factor: 0.5, patience: 0)),
      AnyLearningRateSchedule(try GreedySchedule(patience: 9)),
    ] {
      let optimizer = try optimizerAtZero()
      let second = try LearningRateScheduler(optimizer, schedule)
      #expect(second.initialRates == [0.5])
      second.step(metric: 1)
      #expect(optimizer.learningRates == [second.followsMetric ? 0.5 : 0.25])
    }
  }

  @Test func `A rate of 0 that the program set is kept, and so is a group's own 0`() throws {
    let optimizer = TestOptimizer(learningRates: [0.5, 0])
    let scheduler = try LearningRateScheduler(optimizer, ExponentialSchedule(decayRate: 0.5))
    scheduler.step()
    optimizer.learningRates[0] = 0
    scheduler.step()
    #expect(optimizer.learningRates == [0, 0])
  }

  @Test func `A greedy schedule that resets uses the group's initial rate`() throws {
    let optimizer = TestOptimizer(learningRates: [0.5])
    let warmup = try LearningRateScheduler(optimizer, ConstantWithWarmupSchedule(warmupSteps: 2))
    let greedy = try LearningRateScheduler(
      optimizer, GreedySchedule(factor: 0.1, patience: 0, minimumRate: 0.1, resetStart: 1))
    for _ in 0..<2 { warmup.step() }
    greedy.step(metric: 1)
    greedy.step(metric: 2)
    #expect(optimizer.learningRates == [0.5])
  }

  @Test func `A group that is added later needs a separate scheduler`() throws {
    let optimizer = TestOptimizer(learningRates: [1])
    let first = try LearningRateScheduler(optimizer, LinearSchedule(trainingSteps: 4))
    optimizer.learningRates.append(0.5)
    optimizer.weightDecays.append(0)
    first.step()
    #expect(optimizer.learningRates == [0.75, 0.5])
    let second = try LearningRateScheduler(optimizer, [nil, StepDecaySchedule(stepSize: 1)])
    second.step()
    #expect(optimizer.learningRates == [0.75, 0.05])
    #expect(try LearningRateScheduler(optimizer, resuming: first.state).currentRates == [0.75])
  }

  // MARK: Rates out of range

  @Test func `A rate that grows without bound stops at the largest finite number`() throws {
    let optimizer = TestOptimizer(learningRates: [1, 0])
    let scheduler = try LearningRateScheduler(optimizer, StepDecaySchedule(stepSize: 1, decayRate: 2))
    for _ in 0..<1_100 { scheduler.step() }
    #expect(optimizer.learningRates == [.greatestFiniteMagnitude, 0])
    optimizer.learningRates[0] = 1e308
    scheduler.step()
    #expect(optimizer.learningRates == [1e308, 0])
  }

  @Test(
    arguments: [
      #""rates":[-0.001]"#, #""rates":[1e999]"#, #""rates":[null]"#, #""rates":[0.1,0.1]"#,
      #""initialRates":[-0.001]"#, #""stepCount":-1"#, #""stepCount":9223372036854775807"#,
      #""schedules":[{"name":"reduce_lr_on_plateau","mode":"min","threshold":0,"threshold_mode":"rel","factor":0.1,"patience":1,"cooldown":0,"min_lr":0,"eps":0,"progress":{"rates":[-1],"best":1,"badCount":0,"remainingCooldown":0}}]"#,
    ])
  func `A saved value that is out of range is refused before it is set`(edit: String) throws {
    let optimizer = TestOptimizer(learningRates: [0.1])
    let scheduler = try LearningRateScheduler(optimizer, LinearSchedule(trainingSteps: 4))
    var fields = [
      #""rates":[0.1]"#, #""initialRates":[0.1]"#, #""stepCount":0"#, #""hyperparameter":"learningRate""#,
      #""schedules":[{"name":"linear","num_warmup_steps":0,"num_training_steps":4}]"#,
    ]
    func state() throws -> LearningRateScheduler.State {
      try JSONDecoder().decode(
        LearningRateScheduler.State.self, from: Data("{\(fields.joined(separator: ","))}".utf8))
    }
    #expect(try scheduler.state == state())
    fields.removeAll { $0.prefix { $0 != ":" } == edit.prefix { $0 != ":" } }
    fields.append(edit)
    #expect(throws: (any Error).self) { try scheduler.restore(state()) }
    #expect(throws: (any Error).self) { try LearningRateScheduler(optimizer, resuming: state()) }
    #expect(optimizer.learningRates == [0.1])
  }

  @Test func `A scheduler describes its schedules and rates`() throws {
    let optimizer = TestOptimizer(learningRates: [0.1, nil])
    let scheduler = try LearningRateScheduler(optimizer, [StepDecaySchedule(stepSize: 3), nil])
    scheduler.step()
    #expect(
      "\(scheduler)" == "step(stepSize: 3, decayRate: 0.1), none of the learning rate at step 1: [0.1, none]")
  }
}
