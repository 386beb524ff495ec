import Foundation
import Schedules
import Testing

@Suite struct ScheduleFactoryTests {
  private func schedule(
    _ name: String, warmupSteps: Int? = 0, trainingSteps: Int? = 10, _ options: [String: ScheduleOption] = [:]
  ) throws -> AnyLearningRateSchedule {
    guard
      case .byStep(let schedule) = try AnyLearningRateSchedule(
        named: name, warmupSteps: warmupSteps, trainingSteps: trainingSteps, options: options)
    else { throw ScheduleError.unknownType(name) }
    return AnyLearningRateSchedule(schedule)
  }

  @Test func `The catalog starts with the twelve names of transformers, and each name occurs once`() {
    let names = ScheduleCatalog.entries.map(\.name)
    #expect(Array(names.prefix(12)) == SchedulerType.allCases.map(\.rawValue))
    #expect(Set(names).count == names.count)
  }

  @Test func `The defaults of the options are the defaults of the initializers`() throws {
    #expect(try schedule("cosine") == AnyLearningRateSchedule(CosineSchedule(trainingSteps: 10)))
    #expect(
      try schedule("cosine_with_restarts")
        == AnyLearningRateSchedule(CosineWithRestartsSchedule(trainingSteps: 10)))
    #expect(try schedule("polynomial") == AnyLearningRateSchedule(PolynomialSchedule(trainingSteps: 10)))
    #expect(try schedule("rex") == AnyLearningRateSchedule(REXSchedule(trainingSteps: 10)))
    #expect(try schedule("one_cycle") == AnyLearningRateSchedule(OneCycleSchedule(trainingSteps: 10)))
    let points = [PiecewiseSchedule.Point(step: 0, multiplier: 1), .init(step: 5, multiplier: 0.5)]
    #expect(
      try schedule("piecewise", ["steps": [0, 5], "multipliers": [1, 0.5]])
        == AnyLearningRateSchedule(PiecewiseSchedule(points: points)))
    #expect(
      try schedule("cosine_warm_restarts", ["T_0": 4])
        == AnyLearningRateSchedule(CosineWarmRestartsSchedule(firstCycleSteps: 4)))
    #expect(
      try schedule("exponential", ["gamma": 0.5])
        == AnyLearningRateSchedule(ExponentialSchedule(decayRate: 0.5)))
    #expect(
      try schedule("step", ["step_size": 4]) == AnyLearningRateSchedule(StepDecaySchedule(stepSize: 4)))
    #expect(
      try schedule("multi_step", ["milestones": [4]])
        == AnyLearningRateSchedule(MultiStepDecaySchedule(milestones: [4])))
    #expect(
      try schedule("tri_stage")
        == AnyLearningRateSchedule(TriStageSchedule(warmupSteps: 0, holdSteps: 0, decaySteps: 10)))
    #expect(
      try schedule("warmup_stable_decay", ["num_decay_steps": 4])
        == AnyLearningRateSchedule(WarmupStableDecaySchedule(decaySteps: 4, trainingSteps: 10)))
    #expect(
      try AnyLearningRateSchedule(named: "reduce_lr_on_plateau")
        == .byMetric(ReduceOnPlateauSchedule()))
    #expect(try AnyLearningRateSchedule(named: "greedy") == .byMetric(GreedySchedule()))
    #expect(
      try AnyLearningRateSchedule(named: "greedy", options: ["smooth": true])
        == .byMetric(GreedySchedule(smoothingWindow: 50)))
  }

  @Test
  func `The names beyond transformers create their schedules, with a warmup before them if requested`()
    throws
  {
    let restarts = try CosineWarmRestartsSchedule(firstCycleSteps: 4, growth: 2, minimumRate: 0.1)
    let options: [String: ScheduleOption] = ["T_0": 4, "T_mult": 2, "eta_min": 0.1]
    #expect(try schedule("cosine_warm_restarts", options) == AnyLearningRateSchedule(restarts))
    #expect(
      try schedule("cosine_warm_restarts", warmupSteps: 3, options)
        == AnyLearningRateSchedule(WarmupSchedule(steps: 3, then: restarts)))
    #expect(
      try schedule("rex", warmupSteps: 3)
        == AnyLearningRateSchedule(WarmupSchedule(steps: 3, then: REXSchedule(trainingSteps: 7))))
    #expect(
      try schedule("tri_stage", warmupSteps: 3, ["hold_steps": 2])
        == AnyLearningRateSchedule(TriStageSchedule(warmupSteps: 3, holdSteps: 2, decaySteps: 5)))
    #expect(
      try schedule("wsd", ["num_decay_steps": 4, "decay_type": "power", "power": 2])
        == AnyLearningRateSchedule(
          WarmupStableDecaySchedule(decaySteps: 4, trainingSteps: 10, decayShape: .power(2))))
    #expect(
      try schedule("piecewise", ["steps": [0, 5], "multipliers": [1, 0.5], "interpolation": "linear"])
        == AnyLearningRateSchedule(
          PiecewiseSchedule(
            points: [.init(step: 0, multiplier: 1), .init(step: 5, multiplier: 0.5)], interpolation: .linear))
    )
    #expect(
      try schedule("multi_step", ["milestones": 7])
        == AnyLearningRateSchedule(MultiStepDecaySchedule(milestones: [7])))
    #expect(
      try schedule("joined", warmupSteps: 2, ["schedules": ["linear", "rex"], "boundaries": [6]])
        == AnyLearningRateSchedule(
          JoinedSchedule(
            [
              LinearSchedule(warmupSteps: 2, trainingSteps: 6), REXSchedule(trainingSteps: 4),
            ], boundaries: [6])))
  }

  @Test func `Stable steps take precedence over training steps, as in transformers`() throws {
    #expect(
      try schedule("warmup_stable_decay", ["num_decay_steps": 4, "num_stable_steps": 50])
        == AnyLearningRateSchedule(WarmupStableDecaySchedule(warmupSteps: 0, stableSteps: 50, decaySteps: 4)))
  }

  @Test(
    arguments: [
      ("cosine", ["num_cycles": "two"], "cosine: the option num_cycles is two, but must be a number"),
      ("cosine", ["num_cycles": true], "cosine: the option num_cycles is true, but must be a number"),
      (
        "inverse_sqrt", ["timescale": 2.5],
        "inverse_sqrt: the option timescale is 2.5, but must be a whole number"
      ),
      ("greedy", ["smooth": 1], "greedy: the option smooth is 1, but must be true or false"),
      (
        "greedy", ["min_lr": [0.1, "x"]],
        "greedy: the option min_lr is 0.1,x, but must be a number, or a list with one number per parameter group"
      ),
      (
        "reduce_lr_on_plateau", ["mode": 3],
        "reduce_lr_on_plateau: the option mode is 3, but must be a string"
      ),
      (
        "one_cycle", ["anneal_strategy": "quick"],
        "one_cycle: the option anneal_strategy is quick, but must be one of cos, linear"
      ),
      ("step", [:], "step requires `step_size`, please provide that argument."),
      ("constant", ["x": 1], "constant got an unexpected keyword argument 'x'; it has no options"),
      (
        "wsd", ["num_decay_steps": 1, "decay_type": "x"],
        "Unknown decay type: x, expected 'linear', 'cosine', '1-sqrt', 'power' or 'exponential'"
      ),
      ("joined", ["schedules": ["linear", "greedy"], "boundaries": 5], "joined: schedules is greedy"),
    ] as [(String, [String: ScheduleOption], String)])
  func `Options of the wrong type are errors that name the option and its type`(
    name: String, options: [String: ScheduleOption], message: String
  ) {
    let error = #expect(throws: ScheduleError.self) {
      try AnyLearningRateSchedule(named: name, warmupSteps: 0, trainingSteps: 10, options: options)
    }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
  }

  @Test func `A null means the default, and a whole number is accepted as a number`() throws {
    #expect(try schedule("cosine", ["num_cycles": nil]) == schedule("cosine"))
    #expect(try schedule("cosine", ["num_cycles": 2]) == schedule("cosine", ["num_cycles": 2.0]))
    #expect(try schedule("inverse_sqrt", ["timescale": 5.0]) == schedule("inverse_sqrt", ["timescale": 5]))
  }

  @Test func `Option values survive JSON and the command line`() throws {
    let values: [ScheduleOption] = [nil, true, 3, 2.5, "text", [1, 2.5], [], ["a", "b"]]
    #expect(try JSONDecoder().decode([ScheduleOption].self, from: JSONEncoder().encode(values)) == values)
    for value in values where value != [] { #expect(ScheduleOption(text: value.description) == value) }
    #expect(ScheduleOption(text: "1e-5") == 1e-5)
    #expect(ScheduleOption(text: "7,") == [7])
  }

  @Test func `A warmup that is longer than the training is an error`() throws {
    for name in ["rex", "one_cycle"] {
      let error = #expect(throws: ScheduleError.self) {
        try schedule(name, warmupSteps: 11, trainingSteps: 10)
      }
      #expect(
        error?.description
          == "\(name): num_training_steps is 10, but must include the warmup of 11 steps")
    }
  }

  @Test(arguments: [
    ("constant", "omit them, or use constant_with_warmup"),
    ("reduce_lr_on_plateau", "omit them, or warm up with another scheduler of the same optimizer"),
    ("greedy", "omit them, or warm up with another scheduler of the same optimizer"),
  ])
  func `A warmup for a schedule that has none is refused`(name: String, remedy: String) throws {
    let error = #expect(throws: ScheduleError.self) {
      try AnyLearningRateSchedule(named: name, warmupSteps: 2, trainingSteps: 10)
    }
    #expect(error?.description == "\(name) has no warmup, but 2 warmup steps were requested: \(remedy)")
    #expect(throws: Never.self) {
      try AnyLearningRateSchedule(named: name, warmupSteps: 0, trainingSteps: 10)
    }
    // Every other schedule starts below the rate that it has without a warmup.
    #expect(throws: ScheduleError.self) {
      try schedule("joined", warmupSteps: 2, ["schedules": ["constant", "rex"], "boundaries": [6]])
    }
  }

  @Test(
    arguments: ScheduleCatalog.entries.filter {
      !["constant", "joined"].contains($0.name) && !$0.followsMetric
    })
  func `A warmup changes the first rate of every schedule that can have one`(entry: ScheduleCatalog.Entry)
    throws
  {
    let options: [String: ScheduleOption] = [
      "T_0": 4, "step_size": 4, "milestones": [4], "gamma": 0.5, "num_decay_steps": 3, "min_lr": 0.1,
      "steps": [0, 4], "multipliers": [1, 0.5],
    ].filter { name, _ in entry.options.contains { $0.name == name } }
    func rates(_ warmupSteps: Int) throws -> [Double] {
      guard
        case .byStep(let schedule) = try schedule(
          entry.name, warmupSteps: warmupSteps, trainingSteps: 20, options)
      else { return [] }
      return (0..<4).map { schedule.rate(at: $0, initialRate: 1) }
    }
    #expect(try rates(4)[0] < 0.5 && rates(4) != rates(0))
  }

  @Test func `An error names the option that was given, for any value`() throws {
    let required: [String: ScheduleOption] = [
      "num_decay_steps": 5, "num_stable_steps": 5, "gamma": 0.9, "step_size": 3, "milestones": [3, 6],
      "T_0": 4,
      "steps": [0, 5], "multipliers": [1, 0.5], "schedules": ["linear", "cosine"], "boundaries": [5],
    ]
    var named: Set<String> = []
    for entry in ScheduleCatalog.entries {
      let isOption = { name in entry.options.contains { $0.name == name } }
      for option in entry.options where !["schedules", "interpolation"].contains(option.name) {
        for value in [-1, 0, .int(.max), -1.5, 2, .double(.nan), [-1, -2]] as [ScheduleOption] {
          var options = required.filter { isOption($0.key) }
          if isOption("min_lr_rate") && option.name != "min_lr" { options["min_lr_rate"] = 0.1 }
          options[option.name] = value
          do {
            let warmup = entry.requiredCounts.contains("num_warmup_steps") ? 2 : 0
            _ = try AnyLearningRateSchedule(
              named: entry.name, warmupSteps: warmup, trainingSteps: 20, options: options)
          } catch ScheduleError.invalidSetting(let schedule, let setting, _, _) {
            #expect(schedule == entry.name && (setting == option.name || setting.contains("multiplier")))
            named.insert("\(schedule) \(setting)")
          } catch { #expect("\(error)".contains(option.name) || "\(error)".contains("Factor")) }
        }
      }
    }
    #expect(
      named.isSuperset(of: [
        "exponential gamma", "exponential decay_steps", "wsd num_decay_steps", "step gamma",
      ]))
    #expect(
      named.isSuperset(of: ["cosine_with_min_lr min_lr", "cosine_with_min_lr min_lr_rate", "piecewise steps"])
    )
    #expect(throws: ScheduleError.self) { try schedule("exponential", warmupSteps: -1, ["gamma": 0.5]) }
  }

  @Test(
    arguments: [
      (
        ["boundaries": [4, 2]],
        "joined: boundaries is [4, 2], but must be steps in ascending order, none of them negative"
      ),
      (
        ["boundaries": [4, 12]],
        "joined: num_training_steps is 10, but must not be less than the last boundary, 12"
      ),
      (
        ["boundaries": [-9_223_372_036_854_775_807, 2]],
        "joined: boundaries is [-9223372036854775807, 2], but"
      ),
      (
        ["boundaries": [4, 9_223_372_036_854_775_807]],
        "joined: boundaries is 9223372036854775807, but must be"
      ),
    ] as [([String: ScheduleOption], String)])
  func `Boundaries of joined schedules are checked before the schedules between them`(
    boundaries: [String: ScheduleOption], message: String
  ) {
    let options = boundaries.merging(["schedules": ["linear", "cosine", "constant"]]) { $1 }
    let error = #expect(throws: ScheduleError.self) { try schedule("joined", options) }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
  }

  @Test func `Errors are found in the same order as in transformers`() {
    let wrong: [String: ScheduleOption] = ["num_cycles": "two", "x": 1]
    #expect(throws: ScheduleError.missingArgument(schedule: "cosine", argument: "num_warmup_steps")) {
      try schedule("cosine", warmupSteps: nil, trainingSteps: nil, wrong)
    }
    #expect(throws: ScheduleError.missingArgument(schedule: "cosine", argument: "num_training_steps")) {
      try schedule("cosine", trainingSteps: nil, wrong)
    }
    #expect(throws: ScheduleError.unknownOption(schedule: "cosine", option: "x", known: ["num_cycles"])) {
      try schedule("cosine", wrong)
    }
  }
}
