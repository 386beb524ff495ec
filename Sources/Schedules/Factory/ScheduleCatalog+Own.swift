extension ScheduleCatalog {
  /// The schedules that transformers does not have.
  static let ownEntries: [Entry] = [
    .wsd,
    Entry(
      ExponentialSchedule.kind, "is multiplied by a factor over every so many steps, without end",
      options: [
        .init("gamma", .number, nil, "required; the factor"),
        .init("decay_steps", .integer, .int(ExponentialSchedule.defaultDecaySteps), "steps that it is over"),
      ]
    ) { arguments throws(ScheduleError) in
      try warmedUp(
        arguments,
        ExponentialSchedule(
          decayRate: arguments.number("gamma"), decaySteps: arguments.integer("decay_steps")))
    },
    Entry(
      StepDecaySchedule.kind, "drops by a factor every so many steps",
      options: [
        .init("step_size", .integer, nil, "required; steps between two drops"),
        .init("gamma", .number, .double(StepDecaySchedule.defaultDecayRate), "the factor"),
      ]
    ) { arguments throws(ScheduleError) in
      try warmedUp(
        arguments,
        StepDecaySchedule(stepSize: arguments.integer("step_size"), decayRate: arguments.number("gamma")))
    },
    Entry(
      MultiStepDecaySchedule.kind, "drops by a factor at given steps",
      options: [
        .init("milestones", .integers, nil, "required; the steps of the drops, after the warm-up"),
        .init("gamma", .number, .double(StepDecaySchedule.defaultDecayRate), "the factor"),
      ]
    ) { arguments throws(ScheduleError) in
      try warmedUp(
        arguments,
        MultiStepDecaySchedule(
          milestones: arguments.integers("milestones"), decayRate: arguments.number("gamma")))
    },
    oneCycle,
    Entry(
      CosineWarmRestartsSchedule.kind, "falls on half a cosine wave again and again, each time longer",
      options: [
        .init("T_0", .integer, nil, "required; steps of the first fall"),
        .init(
          "T_mult", .integer, .int(CosineWarmRestartsSchedule.defaultGrowth),
          "how many times longer each fall is than the one before"),
        .init(
          "eta_min", .number, .double(CosineWarmRestartsSchedule.defaultMinimumRate), "the rate it falls to"),
      ]
    ) { arguments throws(ScheduleError) in
      try warmedUp(
        arguments,
        CosineWarmRestartsSchedule(
          firstCycleSteps: arguments.integer("T_0"), growth: arguments.integer("T_mult"),
          minimumRate: arguments.number("eta_min")))
    },
    Entry(
      TriStageSchedule.kind, "warms up, stays, and falls exponentially",
      requires: ["num_warmup_steps", "num_training_steps"],
      options: [
        .init("hold_steps", .integer, 0, "steps without change"),
        .init(
          "init_lr_scale", .number, .double(TriStageSchedule.defaultInitialRatio),
          "part of the rate at step 0"),
        .init(
          "final_lr_scale", .number, .double(TriStageSchedule.defaultFinalRatio),
          "part of the rate at the end"),
      ]
    ) { arguments throws(ScheduleError) in
      .byStep(
        AnySchedule(
          try TriStageSchedule(
            warmupSteps: arguments.warmupSteps(), holdSteps: arguments.integer("hold_steps"),
            trainingSteps: arguments.trainingSteps(), initialRatio: arguments.number("init_lr_scale"),
            finalRatio: arguments.number("final_lr_scale"))))
    },
    Entry(
      REXSchedule.kind, "falls to 0, above the straight line and steeply at the end",
      requires: ["num_training_steps"],
      options: [.init("delay", .number, .double(REXSchedule.defaultDelay), "0 is the straight line")]
    ) { arguments throws(ScheduleError) in
      try warmedUp(
        arguments,
        REXSchedule(trainingSteps: arguments.stepsAfterWarmup(), delay: arguments.number("delay")))
    },
    piecewise,
    joined,
  ]

  private static let oneCycle = Entry(
    OneCycleSchedule.kind, "rises to the rate and falls far below where it began",
    requires: ["num_training_steps"],
    options: [
      .init(
        "pct_start", .number, .double(OneCycleSchedule.defaultRiseFraction), "part of the steps that rise"),
      .init(
        "div_factor", .number, .double(OneCycleSchedule.defaultInitialDivisor),
        "the first rate is the rate divided by it"),
      .init(
        "final_div_factor", .number, .double(OneCycleSchedule.defaultFinalDivisor),
        "the last rate is the first divided by it"),
      .init(
        "anneal_strategy", .text, .string(OneCycleSchedule.defaultAnnealing.rawValue), "cos or linear"),
      .init(
        "three_phase", .boolean, .bool(OneCycleSchedule.defaultThreePhases), "falls to the first rate first"),
    ]
  ) { arguments throws(ScheduleError) in
    let annealing: OneCycleSchedule.Annealing = try arguments.choice("anneal_strategy")
    return try warmedUp(
      arguments,
      OneCycleSchedule(
        trainingSteps: arguments.stepsAfterWarmup(), riseFraction: arguments.number("pct_start"),
        initialDivisor: arguments.number("div_factor"), finalDivisor: arguments.number("final_div_factor"),
        annealing: annealing, threePhases: arguments.boolean("three_phase")))
  }

  private static let piecewise = Entry(
    PiecewiseSchedule.kind, "goes through given points",
    options: [
      .init("steps", .integers, nil, "required; the points' steps, after the warm-up"),
      .init("multipliers", .numbers, nil, "required; the points' factors on the rate"),
      .init(
        "interpolation", .text, .string(PiecewiseSchedule.defaultInterpolation.rawValue),
        "constant, linear or cosine"),
    ]
  ) { arguments throws(ScheduleError) in
    let (steps, multipliers) = (try arguments.integers("steps"), try arguments.numbers("multipliers"))
    try ScheduleError.require(
      steps.count == multipliers.count, PiecewiseSchedule.kind, "the number of multipliers",
      multipliers.count,
      "there must be one for each of \(steps.count) steps")
    let interpolation: PiecewiseSchedule.Interpolation = try arguments.choice("interpolation")
    return try warmedUp(
      arguments,
      PiecewiseSchedule(
        points: zip(steps, multipliers).map { .init(step: $0, multiplier: $1) }, interpolation: interpolation)
    )
  }

  private static let joined = Entry(
    JoinedSchedule.kind, "is one schedule after the other, each from its own step 0",
    requires: ["num_training_steps"],
    options: [
      .init("schedules", .texts, nil, "required; their names, each with its default options"),
      .init("boundaries", .integers, nil, "required; the steps at which the second, third, … begins"),
    ]
  ) { arguments throws(ScheduleError) in
    let names = try arguments.texts("schedules")
    let boundaries = try arguments.integers("boundaries")
    try ScheduleError.require(
      names.count == boundaries.count + 1, JoinedSchedule.kind, "boundaries", boundaries,
      "\(names.count) schedules need \(names.count - 1)")
    let starts = [0] + boundaries
    let ends = boundaries + [try arguments.trainingSteps()]
    var schedules: [any Schedule] = []
    for (index, name) in names.enumerated() {
      // The warm-up belongs to the first schedule; each has the length up to the next boundary.
      let policy = try SchedulePolicy(
        named: name, warmupSteps: index == 0 ? arguments.optionalWarmupSteps ?? 0 : 0,
        trainingSteps: ends[index] - starts[index])
      guard case .byStep(let schedule) = policy else {
        throw .invalidSetting(
          schedule: JoinedSchedule.kind, setting: "schedules", value: name,
          requirement: "a schedule that follows a metric cannot be joined")
      }
      schedules.append(schedule)
    }
    return .byStep(AnySchedule(try JoinedSchedule(schedules, boundaries: boundaries)))
  }

  /// The schedule behind the warm-up that the arguments ask for.
  private static func warmedUp(
    _ arguments: ScheduleArguments, _ schedule: some Schedule
  ) throws(ScheduleError) -> SchedulePolicy {
    guard let steps = arguments.optionalWarmupSteps, steps != 0 else { return .byStep(AnySchedule(schedule)) }
    return .byStep(AnySchedule(try WarmupSchedule(steps: steps, then: schedule)))
  }
}

extension ScheduleArguments {
  /// The training steps that a warm-up before the schedule leaves it.
  fileprivate func stepsAfterWarmup() throws(ScheduleError) -> Int {
    let (training, warmup) = (try trainingSteps(), optionalWarmupSteps ?? 0)
    try ScheduleError.require(
      training >= warmup, schedule, "num_training_steps", training, "must hold the warm-up of \(warmup) steps"
    )
    return training - warmup
  }

  /// The case of an enumeration that a text names.
  fileprivate func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ name: String
  ) throws(ScheduleError) -> Choice {
    let text = try text(name)
    guard let choice = Choice(rawValue: text) else {
      throw .illTypedOption(
        schedule: schedule, option: name, value: text,
        expected: "one of " + Choice.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return choice
  }
}
