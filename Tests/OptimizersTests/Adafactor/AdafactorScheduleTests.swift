import Optimizers
import Schedules
import Tensors
import Testing

/// The schedule that reports Adafactor's own rates.
@Suite struct AdafactorScheduleTests {
  @Test(arguments: ["defaults", "warmup-init", "fixed-scaled", "groups", "options-changed"])
  func `It reports the reference's step sizes`(name: String) throws {
    let reference = try ReferenceCase.load(name)
    let run = try ReferenceRun(reference, backend: .default)
    let schedule = AdafactorSchedule(run.optimizer, initialRate: 0.25)
    #expect(schedule.currentRates == reference.groups.map { _ in 0.25 })
    for (index, step) in reference.steps.enumerated() {
      try run.take(step)
      schedule.step()
      for (rate, group) in zip(schedule.currentRates, reference.groups) {
        let first = group.parameters[0].name
        let expected =
          step.gradients[first].flatMap { $0 } == nil
          ? 0.25 : reference.record[index].stepSizes![first]!.value
        #expect(abs(rate - expected) <= 1e-6 * expected, "\(first) after step \(index + 1)")
      }
    }
    #expect(schedule.stepCount == reference.steps.count)
  }

  @Test func `A group whose first parameter has no gradient reports the initial rate`() throws {
    let absent = Parameter("absent", Tensor(ones: [3]))
    let present = Parameter("present", Tensor(ones: [3]))
    let optimizer = try Adafactor(groups: [
      .init([absent], options: .init()), .init([present], options: .init()),
    ])
    let schedule = AdafactorSchedule(optimizer)
    present.gradient = Tensor(ones: [3])
    schedule.step()
    #expect(schedule.currentRates == [0, 0])
    try optimizer.step()
    schedule.step()
    #expect(schedule.currentRates == [0, 1e-2])
  }

  @Test func `A schedule drives fixed rates and refuses relative steps`() throws {
    let weight = Parameter("weight", Tensor(ones: [4, 4]))
    let fixed = try Adafactor([weight], options: .init(learningRate: .constant(0.1), scaleParameter: false))
    let scheduler = try LearningRateScheduler(fixed, LinearSchedule(warmupSteps: 2, trainingSteps: 4))
    #expect(fixed.groups.map(\.learningRate) == [0])
    scheduler.step()
    #expect(fixed.groups.map(\.learningRate) == [0.05])
    scheduler.step()
    #expect(fixed.groups.map(\.learningRate) == [0.1])
    let relative = try Adafactor([weight])
    #expect(throws: ScheduleError.self) { try LearningRateScheduler(relative, ConstantSchedule()) }
    let decay = try LearningRateScheduler(relative, ConstantSchedule(), scheduling: .weightDecay)
    #expect(decay.currentRates == [0])
  }
}
