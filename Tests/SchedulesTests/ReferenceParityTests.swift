import Schedules
import Testing

@Suite struct ReferenceParityTests {
  @Test func `The grid includes every name, and the edges W = 0, W = 1, W = T, T = 0 and past the end`() {
    let reference = ReferenceCases.schedules
    let names = Set((reference.cases + reference.metricCases).map(\.name))
    #expect(names == Set(SchedulerType.allCases.map(\.rawValue)))
    for type in ["linear", "cosine", "cosine_with_restarts", "polynomial", "cosine_with_min_lr"] {
      let cases = reference.cases.filter { $0.name == type }
      #expect(cases.contains { $0.num_warmup_steps == 0 })
      #expect(cases.contains { $0.num_warmup_steps == 1 })
      #expect(cases.contains { $0.num_warmup_steps == $0.num_training_steps })
      #expect(cases.contains { $0.num_training_steps == 0 })
      #expect(cases.contains { $0.steps == nil && $0.rates!.count > $0.num_training_steps! + 1 })
    }
  }

  @Test(arguments: ReferenceCases.schedules.cases)
  func `Step-driven rates agree to 1e-12 at every step`(_ reference: ReferenceCases.Case) throws {
    // If transformers has a negative stable phase or a negative minimum, or divides by zero because of its
    // settings, this package throws an error: see WarmupStableDecayTests and InverseSquareRootTests.
    guard !isRefused(reference) else {
      #expect(throws: ScheduleError.self) { try reference.policy() }
      return
    }
    guard case .byStep(let schedule) = try reference.policy() else {
      Issue.record("\(reference.name) is not step-driven")
      return
    }
    let rates = try #require(reference.rates)
    let defaultRate = try #require(reference.defaultLr)
    for (index, expected) in rates.enumerated() {
      let step = reference.steps?[index] ?? index
      for (group, expected) in expected.enumerated() {
        // transformers computes one multiplier from the default rate, and the group's rate from it.
        let actual =
          schedule.rate(at: step, initialRate: defaultRate) * (reference.lr[group] / defaultRate)
        #expect(agrees(actual, expected), "step \(step), group \(group): \(actual), not \(expected)")
      }
    }
  }

  private func isRefused(_ reference: ReferenceCases.Case) -> Bool {
    switch reference.name {
    case "constant":
      // Transformers ignores a warmup that the schedule doesn't have.
      return reference.num_warmup_steps ?? 0 > 0
    case "warmup_stable_decay":
      if case .double(let ratio)? = reference.kwargs["min_lr_ratio"], ratio < 0 { return true }
      guard reference.kwargs["num_stable_steps"] == nil, let training = reference.num_training_steps,
        case .int(let decay)? = reference.kwargs["num_decay_steps"], let warmup = reference.num_warmup_steps
      else { return false }
      return training < warmup + decay
    case "inverse_sqrt":
      if case .int(let timescale)? = reference.kwargs["timescale"] { return timescale < 1 }
      return false
    default:
      return false
    }
  }

  @Test(arguments: ReferenceCases.schedules.metricCases)
  func `Metric-driven rates agree to 1e-12 at every observation`(_ reference: ReferenceCases.Case) throws {
    guard case .byMetric(var schedule) = try reference.policy() else {
      Issue.record("\(reference.name) is not metric-driven")
      return
    }
    try schedule.start(rates: reference.lr)
    let (metrics, rates) = (try #require(reference.metrics), try #require(reference.rates))
    try #require(rates.count == metrics.count + 1)
    for (index, expected) in rates.enumerated() {
      #expect(
        zip(schedule.rates, expected).allSatisfy(agrees) && schedule.rates.count == expected.count,
        "observation \(index): \(schedule.rates), not \(expected)")
      if index < metrics.count { schedule.observe(metrics[index].value) }
    }
    let counters = counters(of: schedule)
    for (name, expected) in try #require(reference.final) {
      let actual = try #require(counters[name], "\(name) has no counterpart")
      #expect(actual == expected.value || agrees(actual, expected.value), "\(name)")
    }
  }

  private func counters(of schedule: any MetricSchedule) -> [String: Double] {
    switch schedule {
    case let plateau as ReduceOnPlateauSchedule:
      [
        "best": plateau.best, "num_bad_epochs": Double(plateau.badCount),
        "cooldown_counter": Double(plateau.remainingCooldown),
      ]
    case let greedy as GreedySchedule:
      [
        "best": greedy.best, "num_bad_epochs": Double(greedy.badCount),
        "num_good_epochs": Double(greedy.goodCount), "cooldown_counter": Double(greedy.remainingCooldown),
        "warmup_counter": Double(greedy.remainingWarmup), "reset_start": Double(greedy.remainingReductions),
      ]
    default: [:]
    }
  }

  @Test(arguments: ReferenceCases.schedules.errors)
  func `Arguments that transformers refuses are refused with its message`(_ reference: ReferenceCases.Case)
    throws
  {
    let optimizer = TestOptimizer(learningRates: reference.lr)
    let error = #expect(throws: ScheduleError.self) {
      if SchedulerType(rawValue: reference.name) == nil { _ = try SchedulerType(named: reference.name) }
      return try LearningRateScheduler(optimizer, reference.policy())
    }
    let message = try #require(error).description
    #expect(optimizer.learningRates == reference.lr, "the optimizer was touched")
    let theirs = try #require(reference.error)
    if let option = theirs.split(separator: "unexpected keyword argument ").dropFirst().first {
      // Its message names the function, ours names the schedule and its options.
      #expect(message.hasPrefix("\(reference.name) got an unexpected keyword argument \(option)"))
    } else if theirs.contains("missing 1 required positional argument: 'num_decay_steps'") {
      #expect(message == "\(reference.name) requires `num_decay_steps`, please provide that argument.")
    } else {
      let text = try #require(theirs.split(separator: "Error: ", maxSplits: 1).last)
      // Its message prints the name as SchedulerType.LINEAR.
      let member = text.prefix { $0 != " " }
      let expected =
        member.hasPrefix("SchedulerType.") ? reference.name + text.dropFirst(member.count) : String(text)
      #expect(message == expected)
    }
  }
}
