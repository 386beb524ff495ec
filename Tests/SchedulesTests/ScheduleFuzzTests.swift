import Foundation
import Schedules
import Testing

/// Random settings and states of every schedule. Each is refused with an error, or gives rates that an optimizer accepts.
///
/// `SCHEDULE_INPUTS` sets the number of inputs per test.
@Suite struct ScheduleFuzzTests {
  private static let inputs = Int(ProcessInfo.processInfo.environment["SCHEDULE_INPUTS"] ?? "") ?? 3_000

  /// SplitMix64.
  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  private static let counts = [
    0, 1, 2, 3, 7, 100, 1 << 31, 1 << 53, (1 << 53) + 1, .max, -1, .min, .min + 1,
  ]
  private static let numbers: [Double] = [
    0, 1, 0.5, 0.1, 2, 10, -1, -0.0, 1e-8, 1e-300, .leastNonzeroMagnitude, 1e300, .greatestFiniteMagnitude,
    .infinity,
    -.infinity, .nan, 0.999, 1e9,
  ]
  private static let texts = [
    "linear", "cos", "cosine", "1-sqrt", "power", "exponential", "constant", "min", "max", "rel", "abs",
    "rex", "",
  ]

  private static func option(_ generator: inout Generator, depth: Int = 0) -> ScheduleOption {
    switch Int.random(in: 0..<(depth == 0 ? 12 : 9), using: &generator) {
    case 0...2: .int(counts.randomElement(using: &generator)!)
    case 3...5: .double(numbers.randomElement(using: &generator)!)
    case 6...7: .string(texts.randomElement(using: &generator)!)
    case 8: .bool(Bool.random(using: &generator))
    case 9: .null
    default:
      .array((0..<Int.random(in: 0...4, using: &generator)).map { _ in option(&generator, depth: 1) })
    }
  }

  /// Drives two groups by a schedule for a few steps, from step 0 and from a distant step.
  private static func drive(_ schedule: AnyLearningRateSchedule, _ generator: inout Generator) throws {
    let rates = [0.1, [0, 1e-300, 1, 1e308].randomElement(using: &generator)!]
    let optimizer = TestOptimizer(learningRates: rates)
    let scheduler = try LearningRateScheduler(optimizer, schedule)
    var state = scheduler.state
    state.stepCount = [5, 1 << 40, (1 << 53) - 9].randomElement(using: &generator)!
    func check() {
      for rate in optimizer.learningRates {
        #expect(rate.map { $0 >= 0 && $0.isFinite } == true, "\(scheduler): \(rate as Any)")
      }
    }
    for _ in 0..<2 {
      for _ in 0..<4 {
        check()
        scheduler.step(metric: numbers.randomElement(using: &generator)!)
      }
      let data = try JSONEncoder().encode(scheduler.state)
      let saved = try JSONDecoder().decode(LearningRateScheduler.State.self, from: data)
      #expect(saved == scheduler.state)
      try scheduler.restore(state)
    }
    check()
  }

  @Test func `Random options by name are refused, or give finite rates`() throws {
    var generator = Generator(state: 1)
    var accepted = 0
    for _ in 0..<Self.inputs {
      let entry = ScheduleCatalog.entries.randomElement(using: &generator)!
      var options: [String: ScheduleOption] = [:]
      for option in entry.options
      where option.defaultValue == .null || Int.random(in: 0..<4, using: &generator) == 0 {
        options[option.name] = Self.option(&generator)
      }
      let (warmup, training) = (
        Self.counts.randomElement(using: &generator), Self.counts.randomElement(using: &generator)
      )
      do {
        let schedule = try AnyLearningRateSchedule(
          named: entry.name, warmupSteps: Bool.random(using: &generator) ? 0 : warmup,
          trainingSteps: training, options: options)
        try Self.drive(schedule, &generator)
        accepted += 1
      } catch is ScheduleError {}
    }
    #expect(accepted > Self.inputs / 20)
  }

  @Test func `Mutated states are refused, or give finite rates`() throws {
    var generator = Generator(state: 2)
    let schedules: [AnyLearningRateSchedule] =
      ScheduleSamples.all + [
        .byMetric(try ReduceOnPlateauSchedule(factor: 0.5, patience: 1, minimumRate: [0, 1e-3])),
        .byMetric(try GreedySchedule(patience: 1, smoothingWindow: 3)),
      ]
    let states = try schedules.map { schedule in
      let scheduler = try LearningRateScheduler(TestOptimizer(learningRates: [0.1, 0.01]), schedule)
      for step in 0..<5 { scheduler.step(metric: Double(step)) }
      return String(decoding: try JSONEncoder().encode(scheduler.state), as: UTF8.self)
    }
    let values =
      Self.counts.map { "\($0)" } + [
        "-0.001", "1e308", "1e-320", "0.5", "null", "true", #""NaN""#, "[]", "{}",
      ]
    var accepted = 0
    for _ in 0..<Self.inputs {
      // Replaces one or two numbers of the JSON.
      var text = states.randomElement(using: &generator)!
      for _ in 0..<Int.random(in: 1...2, using: &generator) {
        let numbers = text.ranges(of: /-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?/)
        text.replaceSubrange(
          numbers.randomElement(using: &generator)!, with: values.randomElement(using: &generator)!)
      }
      let optimizer = TestOptimizer(learningRates: [0.1, 0.01])
      do {
        let state = try JSONDecoder().decode(LearningRateScheduler.State.self, from: Data(text.utf8))
        let scheduler = try LearningRateScheduler(optimizer, resuming: state)
        for _ in 0..<3 {
          scheduler.step(metric: Self.numbers.randomElement(using: &generator)!)
          for rate in optimizer.learningRates {
            #expect(rate.map { $0 >= 0 && $0.isFinite } == true, "\(text): \(rate as Any)")
          }
        }
        accepted += 1
      } catch is ScheduleError {} catch is DecodingError {}
    }
    #expect(accepted > Self.inputs / 20)
  }
}
