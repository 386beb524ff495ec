import Foundation
import Testing

@testable import Schedules

@Suite struct ScheduleTests {
  @Test func `The samples include every type that can be saved`() {
    let names = Set(ScheduleSamples.all.map(\.name))
    let registered = Set(ScheduleCatalog.names.values)
    #expect(names == registered.subtracting(["reduce_lr_on_plateau", "greedy"]))
  }

  @Test(arguments: ScheduleSamples.all)
  func `Rates are finite and not negative, even far beyond the end`(schedule: AnyLearningRateSchedule) {
    for step in Array(0..<200) + [1_000, 1_000_000, 1 << 40] {
      let rate = schedule.rate(at: step, initialRate: 1e-3)
      #expect(rate.isFinite && rate >= 0, "step \(step): \(rate)")
    }
  }

  @Test(arguments: ScheduleSamples.all)
  func `A saved and restored schedule is equal and gives the same bits`(schedule: AnyLearningRateSchedule)
    throws
  {
    let restored = try JSONDecoder().decode(
      AnyLearningRateSchedule.self, from: JSONEncoder().encode(schedule))
    #expect(restored == schedule)
    for step in 0..<120 {
      #expect(restored.rate(at: step, initialRate: 1e-3) == schedule.rate(at: step, initialRate: 1e-3))
    }
  }

  @Test func `Different schedules are not equal`() {
    for (index, schedule) in ScheduleSamples.all.enumerated() {
      for other in ScheduleSamples.all.dropFirst(index + 1) { #expect(schedule != other) }
    }
  }

  @Test func `A user's own type is restored if the decoder knows it, and named in the error if not`()
    throws
  {
    struct Halving: MultiplierSchedule {
      let steps: Int
      func multiplier(at step: Int) -> Double { step < steps ? 1 : 0.5 }
    }
    let joined = AnyLearningRateSchedule(
      try JoinedSchedule([Halving(steps: 3), ConstantSchedule()], boundaries: [9]))
    let data = try JSONEncoder().encode(joined)
    #expect(throws: ScheduleError.unknownType("Halving")) {
      try JSONDecoder().decode(AnyLearningRateSchedule.self, from: data)
    }
    let decoder = JSONDecoder()
    decoder.userInfo[.scheduleTypes] = [Halving.self] as [any LearningRateSchedule.Type]
    #expect(try decoder.decode(AnyLearningRateSchedule.self, from: data) == joined)
  }

  @Test func `Decoding checks settings like the initializers`() {
    for text in [
      #"{"name":"linear","num_warmup_steps":-1,"num_training_steps":10}"#,
      #"{"name":"linear","num_warmup_steps":0,"num_training_steps":9223372036854775807}"#,
      #"{"name":"step","step_size":0,"gamma":0.5}"#,
      #"{"name":"piecewise","steps":[],"multipliers":[],"interpolation":"linear"}"#,
      #"{"name":"piecewise","steps":[1,2],"multipliers":[1],"interpolation":"linear"}"#,
      #"{"name":"joined","schedules":[],"boundaries":[]}"#,
      #"{"name":"cosine_warm_restarts","T_0":0,"T_mult":1,"eta_min":0}"#,
    ] {
      #expect(throws: ScheduleError.self) {
        try JSONDecoder().decode(AnyLearningRateSchedule.self, from: Data(text.utf8))
      }
    }
  }

  @Test func `Settings are saved under the names of the arguments of transformers and torch`() throws {
    let schedule = AnyLearningRateSchedule(
      try WarmupSchedule(
        steps: 3,
        then: CosineWithMinimumSchedule(warmupSteps: 7, trainingSteps: 50, minimum: .rate(0.25))))
    let data = try JSONEncoder().encode(schedule)
    let expected: ScheduleOption = .object([
      "name": "warmup", "num_warmup_steps": 3, "start_factor": 0, "warmup_type": "linear",
      "schedule": .object([
        "name": "cosine_with_min_lr", "num_warmup_steps": 7, "num_training_steps": 50, "min_lr": 0.25,
        "num_cycles": 0.5,
      ]),
    ])
    #expect(try JSONDecoder().decode(ScheduleOption.self, from: data) == expected)
  }
}
