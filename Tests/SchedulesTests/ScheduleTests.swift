import Foundation
import Testing

@testable import Schedules

@Suite("All schedules")
struct ScheduleTests {
  @Test("The samples hold every type that can be saved")
  func samplesAreComplete() {
    let kinds = Set(ScheduleSamples.all.map { type(of: $0.base).kind })
    #expect(kinds == Set(AnySchedule.knownTypes.map { $0.kind }))
    #expect(kinds.count == AnySchedule.knownTypes.count)
  }

  @Test("Rates do not depend on the order of the steps", arguments: ScheduleSamples.all)
  func anyOrder(schedule: AnySchedule) {
    let ascending = (0..<120).map { schedule.rate(at: $0, initialRate: 1e-3) }
    for step in (0..<120).reversed() + [60, 3, 60, 119, 0] {
      #expect(schedule.rate(at: step, initialRate: 1e-3) == ascending[step])
    }
  }

  @Test("Rates are finite and not negative, far beyond the end too", arguments: ScheduleSamples.all)
  func finite(schedule: AnySchedule) {
    for step in Array(0..<200) + [1_000, 1_000_000, 1 << 40] {
      let rate = schedule.rate(at: step, initialRate: 1e-3)
      #expect(rate.isFinite && rate >= 0, "step \(step): \(rate)")
    }
  }

  @Test("Saved and restored, a schedule is equal and gives the same bits", arguments: ScheduleSamples.all)
  func codable(schedule: AnySchedule) throws {
    let restored = try JSONDecoder().decode(AnySchedule.self, from: JSONEncoder().encode(schedule))
    #expect(restored == schedule)
    for step in 0..<120 {
      #expect(restored.rate(at: step, initialRate: 1e-3) == schedule.rate(at: step, initialRate: 1e-3))
    }
  }

  @Test("Different schedules are not equal")
  func inequality() {
    for (index, schedule) in ScheduleSamples.all.enumerated() {
      for other in ScheduleSamples.all.dropFirst(index + 1) { #expect(schedule != other) }
    }
  }

  @Test("Erasing twice is erasing once")
  func erasure() throws {
    let schedule = AnySchedule(AnySchedule(AnySchedule(ConstantSchedule())))
    #expect(schedule.base is ConstantSchedule)
  }

  @Test("A type of the user's own is restored where the decoder knows it, and named where it does not")
  func ownType() throws {
    struct Halving: MultiplierSchedule {
      let steps: Int
      func multiplier(at step: Int) -> Double { step < steps ? 1 : 0.5 }
    }
    let joined = AnySchedule(try JoinedSchedule([Halving(steps: 3), ConstantSchedule()], boundaries: [9]))
    let data = try JSONEncoder().encode(joined)
    #expect(throws: ScheduleError.unknownKind("Halving")) {
      try JSONDecoder().decode(AnySchedule.self, from: data)
    }
    let decoder = JSONDecoder()
    decoder.userInfo[.scheduleTypes] = [Halving.self] as [any Schedule.Type]
    #expect(try decoder.decode(AnySchedule.self, from: data) == joined)
  }

  @Test("Decoding checks settings as the initializers do")
  func decodingChecks() {
    for text in [
      #"{"kind":"linear","settings":{"warmupSteps":-1,"trainingSteps":10}}"#,
      #"{"kind":"linear","settings":{"warmupSteps":0,"trainingSteps":9223372036854775807}}"#,
      #"{"kind":"step","settings":{"stepSize":0,"decayRate":0.5}}"#,
      #"{"kind":"piecewise","settings":{"points":[],"interpolation":"linear"}}"#,
      #"{"kind":"joined","settings":{"schedules":[],"boundaries":[]}}"#,
      #"{"kind":"cosine_warm_restarts","settings":{"firstCycleSteps":0,"growth":1,"minimumRate":0}}"#,
    ] {
      #expect(throws: ScheduleError.self) {
        try JSONDecoder().decode(AnySchedule.self, from: Data(text.utf8))
      }
    }
  }
}
