import Foundation
import Schedules
import Testing

/// The rates of torch's own schedulers. `scripts/reference/extra_schedules.py` describes how they were made.
private struct TorchCases: Decodable {
  struct Case: Decodable, CustomTestStringConvertible {
    struct Segment: Decodable {
      let name: String
      let options: [String: ScheduleOption]
    }

    let name: String
    let lr: [Double]
    let trainingSteps: Int?
    let options: [String: ScheduleOption]?
    let segments: [Segment]?
    let boundaries: [Int]?
    let rates: [[Double]]
    let error: String?

    var testDescription: String {
      "\(name) lr \(lr) T \(trainingSteps as Int?) \(options ?? [:]) \(boundaries ?? [])"
    }

    func schedule() throws -> any Schedule {
      if let segments, let boundaries {
        let schedules = try segments.map { try TorchCases.schedule($0.name, nil, $0.options) }
        return try JoinedSchedule(schedules, boundaries: boundaries)
      }
      return try TorchCases.schedule(name, trainingSteps, options ?? [:])
    }
  }

  let cases: [Case]

  static func schedule(
    _ name: String, _ trainingSteps: Int?, _ options: [String: ScheduleOption]
  ) throws -> any Schedule {
    guard
      case .byStep(let schedule) = try AnyLearningRateSchedule(
        named: name, trainingSteps: trainingSteps, options: options)
    else { preconditionFailure("\(name) follows a metric") }
    return schedule
  }

  static let all: [Case] = {
    let url = Bundle.module.url(
      forResource: "torch-schedules", withExtension: "json", subdirectory: "Reference")!
    return try! JSONDecoder().decode(TorchCases.self, from: Data(contentsOf: url)).cases
  }()
}

@Suite struct TorchParityTests {
  @Test func `The file includes every schedule that torch has too`() {
    #expect(
      Set(TorchCases.all.map(\.name))
        == ["exponential", "step", "multi_step", "one_cycle", "cosine_warm_restarts", "joined"])
  }

  @Test(arguments: TorchCases.all)
  fileprivate func `Rates agree to 1e-12 at every step`(_ torch: TorchCases.Case) throws {
    let schedule = try torch.schedule()
    // If torch divides by zero, it has no rates from that step on: see OneCycleTests.
    if torch.error == nil { #expect(torch.rates.count >= torch.trainingSteps ?? 40) }
    for (step, rates) in torch.rates.enumerated() {
      for (initialRate, expected) in zip(torch.lr, rates) {
        let actual = schedule.rate(at: step, initialRate: initialRate)
        #expect(agrees(actual, expected), "step \(step): \(actual), not \(expected)")
      }
    }
  }
}
