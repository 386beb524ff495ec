import Foundation
import Schedules
import Testing

@Suite struct MetricScheduleTests {
  @Test func `Before the start there are no rates, and observing does nothing`() throws {
    var plateau = try ReduceOnPlateauSchedule()
    var greedy = try GreedySchedule()
    plateau.observe(1)
    greedy.observe(1)
    #expect(plateau.rates == [] && greedy.rates == [])
    #expect(plateau == plateau.unstarted && greedy == greedy.unstarted)
  }

  @Test func `Below its default minimum, greedy only rises`() throws {
    var greedy = try GreedySchedule(patience: 0)
    try greedy.start(rates: [1e-5])
    greedy.observe(1)
    #expect(agrees(greedy.rates[0], 1e-5 / 0.95))
    let raised = greedy.rates
    for _ in 0..<20 { greedy.observe(2) }
    #expect(greedy.rates == raised)
  }

  @Test func `A NaN is worse than any value, and never the best`() throws {
    var plateau = try ReduceOnPlateauSchedule(factor: 0.5, patience: 0)
    try plateau.start(rates: [1])
    plateau.observe(.nan)
    #expect(plateau.rates == [0.5])
    #expect(plateau.best == .infinity)
    plateau.observe(3)
    #expect(plateau.best == 3 && plateau.rates == [0.5])
  }

  @Test func `Invalid settings are errors`() {
    #expect(throws: ScheduleError.factorNotBelowOne(1)) { try ReduceOnPlateauSchedule(factor: 1) }
    #expect(throws: ScheduleError.self) { try ReduceOnPlateauSchedule(factor: -0.1) }
    #expect(throws: ScheduleError.self) { try ReduceOnPlateauSchedule(patience: -1) }
    #expect(throws: ScheduleError.self) { try ReduceOnPlateauSchedule(cooldown: -1) }
    #expect(throws: ScheduleError.self) { try ReduceOnPlateauSchedule(minimumRate: -1) }
    #expect(throws: ScheduleError.self) { try ReduceOnPlateauSchedule(epsilon: .nan) }
    #expect(throws: ScheduleError.factorNotBelowOne(1.5)) { try GreedySchedule(factor: 1.5) }
    #expect(throws: ScheduleError.self) { try GreedySchedule(factor: 0) }
    #expect(throws: ScheduleError.self) { try GreedySchedule(smoothingWindow: 0) }
    #expect(throws: ScheduleError.self) { try GreedySchedule(resetStart: -1) }
    #expect(throws: ScheduleError.self) { try GreedySchedule(maximumRate: [1, .infinity]) }
    #expect(throws: ScheduleError.self) {
      try GreedySchedule(threshold: -1)
    }
  }

  @Test func `Decoding refuses a progress with groups that do not agree`() throws {
    var greedy = try GreedySchedule()
    try greedy.start(rates: [1, 2])
    let text = String(decoding: try JSONEncoder().encode(AnyLearningRateSchedule(greedy)), as: UTF8.self)
    #expect(text.contains(#""initialRates":[1,2]"#))
    for damaged in [
      text.replacingOccurrences(of: #""initialRates":[1,2]"#, with: #""initialRates":[1]"#),
      text.replacingOccurrences(of: #""goodCount":0"#, with: #""goodCount":9223372036854775807"#),
      text.replacingOccurrences(of: #""factor":0.95"#, with: #""factor":1"#),
      text.replacingOccurrences(of: #""name":"greedy""#, with: #""name":"eager""#),
    ] {
      #expect(damaged != text)
      #expect(throws: ScheduleError.self) {
        try JSONDecoder().decode(AnyLearningRateSchedule.self, from: Data(damaged.utf8))
      }
    }
  }

  @Test func `The progress of greedy must fit its maximum rates and its window`() throws {
    var greedy = try GreedySchedule(maximumRate: [1, 2], smoothingWindow: 3)
    try greedy.start(rates: [1, 2])
    let text = String(decoding: try JSONEncoder().encode(greedy), as: UTF8.self)
    for (saved, damaged) in [("[1,2]", "[1,2,3]"), (#""size":3"#, #""size":4"#)] {
      // The first list is in the settings or in the progress. Both must have one value per group.
      let range = try #require(text.range(of: saved))
      #expect(throws: ScheduleError.self) {
        try JSONDecoder().decode(
          GreedySchedule.self, from: Data(text.replacingCharacters(in: range, with: damaged).utf8))
      }
    }
    let rates = text.replacingOccurrences(of: #"ates":[1,2]"#, with: #"ates":[1]"#)
    #expect(throws: ScheduleError.groupCount(setting: "max_lr", expected: 1, actual: 2)) {
      try JSONDecoder().decode(GreedySchedule.self, from: Data(rates.utf8))
    }
  }

  @Test func `The progress of a plateau must have a rate for each of its minimums`() throws {
    var plateau = try ReduceOnPlateauSchedule(minimumRate: [0.5, 0.25])
    try plateau.start(rates: [1, 2])
    let text = String(decoding: try JSONEncoder().encode(plateau), as: UTF8.self)
    let damaged = text.replacingOccurrences(of: #""rates":[1,2]"#, with: #""rates":[1]"#)
    #expect(damaged != text)
    #expect(throws: ScheduleError.groupCount(setting: "min_lr", expected: 1, actual: 2)) {
      try JSONDecoder().decode(ReduceOnPlateauSchedule.self, from: Data(damaged.utf8))
    }
  }

  @Test(arguments: [
    (MetricCriterion.Mode.minimize, MetricCriterion.ThresholdMode.relative, 8.0, 7.0),
    (.minimize, .absolute, 9.75, 9.25), (.maximize, .relative, 12, 13), (.maximize, .absolute, 10.25, 10.75),
  ])
  func `A value is better if it differs by more than the threshold`(
    mode: MetricCriterion.Mode, thresholdMode: MetricCriterion.ThresholdMode, near: Double, far: Double
  ) throws {
    // A quarter of 10 is 2.5, so 7.5 and 12.5 are the limits. With a difference of a half, 9.5 and 10.5 are.
    let threshold = thresholdMode == .relative ? 0.25 : 0.5
    var plateau = try ReduceOnPlateauSchedule(
      mode: mode, threshold: threshold, thresholdMode: thresholdMode, patience: 9)
    try plateau.start(rates: [1])
    plateau.observe(10)
    plateau.observe(near)
    #expect(plateau.best == 10 && plateau.badCount == 1)
    plateau.observe(far)
    #expect(plateau.best == far && plateau.badCount == 0)
  }
}
