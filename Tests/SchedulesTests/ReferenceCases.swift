import Foundation
import Schedules
import Testing

/// The rates of the real schedulers of transformers and torch. `Reference/README.md` describes how they were made.
struct ReferenceCases: Decodable {
  struct Case: Decodable, CustomTestStringConvertible {
    let name: String
    let lr: [Double]
    let defaultLr: Double?
    let num_warmup_steps: Int?
    let num_training_steps: Int?
    let kwargs: [String: ScheduleOption]
    let steps: [Int]?
    let rates: [[Double]]?
    let error: String?
    let errorStep: Int?
    let metrics: [Metric]?
    let final: [String: Metric]?

    var testDescription: String {
      "\(name) lr \(lr) W \(num_warmup_steps as Int?) T \(num_training_steps as Int?) \(kwargs)"
    }

    func policy() throws -> AnyLearningRateSchedule {
      try AnyLearningRateSchedule(
        named: name, warmupSteps: num_warmup_steps, trainingSteps: num_training_steps, options: kwargs)
    }
  }

  /// A number, or a string for a number that JSON does not have.
  struct Metric: Decodable {
    let value: Double

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        value = try #require(Double(text))
      } else {
        value = try container.decode(Double.self)
      }
    }
  }

  let cases: [Case]
  let metricCases: [Case]
  let errors: [Case]

  static let schedules: ReferenceCases = {
    let url = Bundle.module.url(forResource: "schedules", withExtension: "json", subdirectory: "Reference")!
    return try! JSONDecoder().decode(ReferenceCases.self, from: Data(contentsOf: url))
  }()
}

/// Returns whether |actual − expected| ≤ 1e-12 |expected|.
func agrees(_ actual: Double, _ expected: Double) -> Bool {
  abs(actual - expected) <= 1e-12 * abs(expected)
}
