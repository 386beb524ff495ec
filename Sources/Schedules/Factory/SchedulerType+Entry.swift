private let counts = ["num_warmup_steps", "num_training_steps"]

extension SchedulerType {
  /// How the schedule is made by name, with the options, defaults and errors of transformers.
  var entry: ScheduleCatalog.Entry {
    switch self {
    case .linear:
      .init(rawValue, "falls on a straight line to 0", requires: counts) { arguments throws(ScheduleError) in
        .byStep(
          AnySchedule(
            try LinearSchedule(
              warmupSteps: arguments.warmupSteps(), trainingSteps: arguments.trainingSteps())))
      }
    case .cosine:
      .init(
        rawValue, "falls on half a cosine wave to 0, and rises again after the training", requires: counts,
        options: [cycles(CosineSchedule.defaultCycles, "whole waves; 0.5 falls once")]
      ) { arguments throws(ScheduleError) in
        .byStep(
          AnySchedule(
            try CosineSchedule(
              warmupSteps: arguments.warmupSteps(), trainingSteps: arguments.trainingSteps(),
              cycles: arguments.number("num_cycles"))))
      }
    case .cosineWithRestarts:
      .init(
        rawValue, "falls on half a cosine wave to 0 several times", requires: counts,
        options: [cycles(CosineWithRestartsSchedule.defaultCycles, "falls of the same length")]
      ) { arguments throws(ScheduleError) in
        .byStep(
          AnySchedule(
            try CosineWithRestartsSchedule(
              warmupSteps: arguments.warmupSteps(), trainingSteps: arguments.trainingSteps(),
              cycles: arguments.number("num_cycles"))))
      }
    case .polynomial:
      .init(
        rawValue, "falls with a power of the steps left to an end rate", requires: counts,
        options: [
          .init("lr_end", .number, .double(PolynomialSchedule.defaultEndRate), "the rate at the end"),
          .init("power", .number, .double(PolynomialSchedule.defaultPower), "1 is a straight line"),
        ]
      ) { arguments throws(ScheduleError) in
        .byStep(
          AnySchedule(
            try PolynomialSchedule(
              warmupSteps: arguments.warmupSteps(), trainingSteps: arguments.trainingSteps(),
              endRate: arguments.number("lr_end"), power: arguments.number("power"))))
      }
    case .constant:
      .init(rawValue, "stays as it is") { _ throws(ScheduleError) in .byStep(AnySchedule(ConstantSchedule()))
      }
    case .constantWithWarmup:
      .init(rawValue, "warms up and stays", requires: ["num_warmup_steps"]) {
        arguments throws(ScheduleError) in
        .byStep(AnySchedule(try ConstantWithWarmupSchedule(warmupSteps: arguments.warmupSteps())))
      }
    case .inverseSquareRoot:
      .init(
        rawValue, "falls with the square root of the steps, without end", requires: ["num_warmup_steps"],
        options: [.init("timescale", .integer, nil, "steps; the warm-up where it is not given, else 10000")]
      ) { arguments throws(ScheduleError) in
        .byStep(
          AnySchedule(
            try InverseSquareRootSchedule(
              warmupSteps: arguments.warmupSteps(), timescale: arguments.optionalInteger("timescale"))))
      }
    case .cosineWithMinimum:
      .init(
        rawValue, "falls on half a cosine wave to a minimum", requires: counts, options: minimumOptions
      ) { arguments throws(ScheduleError) in
        .byStep(
          AnySchedule(
            try CosineWithMinimumSchedule(
              warmupSteps: arguments.warmupSteps(), trainingSteps: arguments.trainingSteps(),
              minimum: minimum(arguments), cycles: arguments.number("num_cycles"))))
      }
    case .cosineWarmupWithMinimum:
      .init(
        rawValue, "warms up from its first step on, then falls on half a cosine wave to a minimum",
        requires: counts,
        options: minimumOptions + [
          .init("warmup_lr_rate", .number, nil, "part of the rate at step 0; 1/num_warmup_steps if not given")
        ]
      ) { arguments throws(ScheduleError) in
        .byStep(
          AnySchedule(
            try CosineWarmupWithMinimumSchedule(
              warmupSteps: arguments.warmupSteps(), trainingSteps: arguments.trainingSteps(),
              minimum: minimum(arguments), warmupStartRatio: arguments.optionalNumber("warmup_lr_rate"),
              cycles: arguments.number("num_cycles"))))
      }
    case .warmupStableDecay: .warmupStableDecay
    case .reduceOnPlateau: .reduceOnPlateau
    case .greedy: .greedy
    }
  }
}

private func cycles(_ defaultValue: Double, _ meaning: String) -> OptionDescription {
  OptionDescription("num_cycles", .number, .double(defaultValue), meaning)
}

private let minimumOptions = [
  cycles(CosineSchedule.defaultCycles, "whole waves; 0.5 falls once"),
  OptionDescription("min_lr", .number, nil, "the minimum, as a rate"),
  OptionDescription("min_lr_rate", .number, nil, "the minimum, as a part of the rate"),
]

private func minimum(_ arguments: ScheduleArguments) throws(ScheduleError) -> MinimumRate {
  switch (try arguments.optionalNumber("min_lr"), try arguments.optionalNumber("min_lr_rate")) {
  case (let rate?, nil): return .rate(rate)
  case (nil, let ratio?): return .ratio(ratio)
  case (.some, .some): throw .twoMinimums
  case (nil, nil): throw .noMinimum
  }
}
