import Foundation
import Schedules
import Testing

@Suite struct MetricScheduleTests {
  @Test func `before the start there are no rates, and observing does nothing`() throws {
    var plateau = try ReduceOnPlateauSchedule()
    var greedy = try GreedySchedule()
    plateau.observe(1)
    greedy.observe(1)
    #expect(plateau.rates == [] && greedy.rates == [])
    #expect(plateau == plateau.unstarted && greedy == greedy.unstarted)
  }

  @Test func `a copy goes on by itself`() throws {
    var plateau = try ReduceOnPlateauSchedule(factor: 0.5, patience: 0)
    try plateau.start(rates: [1])
    plateau.observe(1)
    let copy = plateau
    plateau.observe(1)
    #expect(plateau.rates == [0.5] && copy.rates == [1])
  }

  @Test func `greedy below its default minimum only rises`() throws {
    var greedy = try GreedySchedule(patience: 0)
    try greedy.start(rates: [1e-5])
    greedy.observe(1)
    #expect(agrees(greedy.rates[0], 1e-5 / 0.95))
    let raised = greedy.rates
    for _ in 0..<20 { greedy.observe(2) }
    #expect(greedy.rates == raised)
  }

  @Test func `a NaN is worse than everything, and never the best`() throws {
    var plateau = try ReduceOnPlateauSchedule(factor: 0.5, patience: 0)
    try plateau.start(rates: [1])
    plateau.observe(.nan)
    #expect(plateau.rates == [0.5])
    #expect(plateau.best == .infinity)
    plateau.observe(3)
    #expect(plateau.best == 3 && plateau.rates == [0.5])
  }

  @Test func `invalid settings are errors`() {
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

  @Test func `decoding refuses a progress whose groups do not agree`() throws {
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
}
