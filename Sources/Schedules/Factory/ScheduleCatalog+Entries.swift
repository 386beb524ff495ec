// The only place where schedules are registered. The options are named like the coding keys of the schedule's type.
extension ScheduleCatalog {
  /// The schedules that can be created by name. Transformers' schedules come first, in the order of its
  /// `SchedulerType`.
  package static let entries: [Entry] = [
    Entry(LinearSchedule.self, "linear", "falls along a straight line to 0", requires: counts),
    Entry(
      CosineSchedule.self, "cosine",
      "falls along half a cosine wave to 0, and rises again after the training",
      requires: counts, options: [waves]),
    Entry(
      CosineWithRestartsSchedule.self, "cosine_with_restarts",
      "falls along half a cosine wave to 0 several times", requires: counts,
      options: [
        .init(
          "num_cycles", .double(CosineWithRestartsSchedule.defaultCycles), "number of falls of equal length")
      ]),
    Entry(
      PolynomialSchedule.self, "polynomial", "falls with a power of the remaining steps to an end rate",
      requires: counts,
      options: [
        .init("lr_end", .double(PolynomialSchedule.defaults.endRate), "the rate at the end"),
        .init("power", .double(PolynomialSchedule.defaults.power), "exponent; 1 is a straight line"),
      ]),
    Entry(ConstantSchedule.self, "constant", "does not change"),
    Entry(
      ConstantWithWarmupSchedule.self, "constant_with_warmup", "warms up, then does not change",
      requires: [warmup]),
    Entry(
      InverseSquareRootSchedule.self, "inverse_sqrt",
      "falls with the inverse square root of the steps, without end",
      requires: [warmup],
      options: [
        .init("timescale", nil, "number of steps; default: num_warmup_steps, or 10000 without a warmup")
      ]),
    Entry(
      ReduceOnPlateauSchedule.self, "reduce_lr_on_plateau",
      "falls by a factor if a metric has not improved for a while",
      options: criterion(ReduceOnPlateauSchedule.defaultCriterion) + [
        .init("factor", .double(plateau.factor), "factor of a reduction; below 1"),
        .init("patience", .int(plateau.patience), "number of observations without improvement to tolerate"),
        .init(
          "cooldown", .int(plateau.cooldown), "number of observations after a reduction that do not count"),
        .init("min_lr", .double(plateau.minimumRate), "minimum rate"),
        .init("eps", .double(plateau.epsilon), "changes up to this size are skipped"),
      ]),
    Entry(
      CosineWithMinimumSchedule.self, "cosine_with_min_lr", "falls along half a cosine wave to a minimum",
      requires: counts, options: minimum),
    Entry(
      CosineWarmupWithMinimumSchedule.self, "cosine_warmup_with_min_lr",
      "warms up from its first step, then falls along half a cosine wave to a minimum", requires: counts,
      options: minimum + [
        .init("warmup_lr_rate", nil, "rate at step 0 as a fraction; default: 1/num_warmup_steps")
      ]),
    Entry(
      WarmupStableDecaySchedule.self, "warmup_stable_decay", "warms up, is stable, and falls only at the end",
      requires: [warmup], options: stableDecay),
    Entry(
      GreedySchedule.self, "greedy", "rises while a metric improves, and falls while it does not",
      options: criterion(GreedySchedule.defaultCriterion) + [
        .init("factor", .double(greedy.factor), "factor of a reduction; below 1"),
        .init(
          "patience", .int(greedy.patience),
          "number of successive observations that do not change the rate yet"),
        .init("cooldown", .int(greedy.cooldown), "number of observations ignored after a reduction"),
        .init("warmup", .int(greedy.warmup), "number of observations ignored after an increase"),
        .init("min_lr", .double(greedy.minimumRate), "minimum rate"),
        .init("max_lr", .double(greedy.maximumRate), "maximum rate"),
        .init("eps", .double(greedy.epsilon), "changes up to this size are skipped"),
        .init("smooth", false, "whether to observe a moving mean of the metric"),
        .init("window_size", .int(greedy.smoothingWindow), "number of values in the moving mean"),
        .init(
          "reset_start", .int(greedy.resetStart), "number of reductions at the minimum rate before a reset"
        ),
      ]),

    // MARK: Beyond transformers

    Entry(
      WarmupStableDecaySchedule.self, "wsd",
      "warmup_stable_decay with two more decay types: power and exponential", requires: [warmup],
      options: stableDecay + [
        .init("power", 0.5, "exponent of the decay type power; 0.5 is 1-sqrt, 1 is linear")
      ]),
    Entry(
      ExponentialSchedule.self, "exponential",
      "is multiplied by a factor over a number of steps, without end", isWarmedUp: true,
      options: [
        .init("gamma", nil, "required; the factor"),
        .init("decay_steps", .int(ExponentialSchedule.defaultDecaySteps), "number of steps per factor"),
      ]),
    Entry(
      StepDecaySchedule.self, "step", "drops by a factor at regular intervals", isWarmedUp: true,
      options: [
        .init("step_size", nil, "required; number of steps between two drops"),
        .init("gamma", .double(StepDecaySchedule.defaultDecayRate), "the factor"),
      ]),
    Entry(
      MultiStepDecaySchedule.self, "multi_step", "drops by a factor at given steps", isWarmedUp: true,
      options: [
        .init("milestones", nil, "required; the steps of the drops, after the warmup"),
        .init("gamma", .double(StepDecaySchedule.defaultDecayRate), "the factor"),
      ]),
    Entry(
      OneCycleSchedule.self, "one_cycle", "rises to the rate, then falls far below its start",
      requires: [training], isWarmedUp: true,
      options: [
        .init("pct_start", .double(oneCycle.riseFraction), "fraction of the steps that rise"),
        .init(
          "div_factor", .double(oneCycle.initialDivisor), "divisor of the rate that gives the first rate"),
        .init(
          "final_div_factor", .double(oneCycle.finalDivisor), "divisor of the first rate that gives the last"),
        .init("anneal_strategy", .string(oneCycle.annealing.rawValue), "cos or linear"),
        .init("three_phase", .bool(oneCycle.threePhases), "whether to fall to the first rate before the end"),
      ]),
    Entry(
      CosineWarmRestartsSchedule.self, "cosine_warm_restarts",
      "falls along half a cosine wave repeatedly, longer each time", isWarmedUp: true,
      options: [
        .init("T_0", nil, "required; number of steps of the first fall"),
        .init("T_mult", .int(restarts.growth), "factor by which each fall is longer than the previous one"),
        .init("eta_min", .double(restarts.minimumRate), "rate at the end of a fall"),
      ]),
    Entry(
      TriStageSchedule.self, "tri_stage", "warms up, is stable, and falls exponentially", requires: counts,
      options: [
        .init("hold_steps", 0, "number of steps without change"),
        .init("init_lr_scale", .double(triStage.initialRatio), "rate at step 0 as a fraction"),
        .init("final_lr_scale", .double(triStage.finalRatio), "rate at the end as a fraction"),
      ]),
    Entry(
      REXSchedule.self, "rex", "falls to 0, above the straight line and steeply at the end",
      requires: [training], isWarmedUp: true,
      options: [.init("delay", .double(REXSchedule.defaultDelay), "0 is a straight line")]),
    Entry(
      PiecewiseSchedule.self, "piecewise", "passes through given points", isWarmedUp: true,
      options: [
        .init("steps", nil, "required; steps of the points, after the warmup"),
        .init("multipliers", nil, "required; factors on the rate at the points"),
        .init(
          "interpolation", .string(PiecewiseSchedule.defaultInterpolation.rawValue),
          "constant, linear or cosine"),
      ]),
    Entry(
      JoinedSchedule.self, "joined", "is several schedules in sequence, each from its own step 0",
      requires: [training],
      options: [
        .init("schedules", nil, "required; names of the schedules, which have their default options"),
        .init("boundaries", nil, "required; steps at which the second, third, … schedule starts"),
      ]),
  ]

  /// All schedules that can be saved. A warmup cannot be created by name, because it precedes another schedule.
  static let restorable = entries + [Entry(WarmupSchedule.self, "warmup", "warms up before another schedule")]

  private static let (warmup, training) = ("num_warmup_steps", "num_training_steps")
  private static let counts = [warmup, training]

  private static let (plateau, greedy) = (ReduceOnPlateauSchedule.defaults, GreedySchedule.defaults)
  private static let (oneCycle, restarts) = (OneCycleSchedule.defaults, CosineWarmRestartsSchedule.defaults)
  private static let (stable, triStage) = (WarmupStableDecaySchedule.defaults, TriStageSchedule.defaults)

  private static let waves = OptionDescription(
    "num_cycles", .double(CosineSchedule.defaultCycles), "number of cosine waves; 0.5 falls once")

  private static let minimum = [
    waves, .init("min_lr", nil, "the minimum, as a rate"),
    .init("min_lr_rate", nil, "the minimum, as a fraction of the rate"),
  ]

  private static let stableDecay: [OptionDescription] = [
    .init("num_decay_steps", nil, "required; number of steps of the fall"),
    .init("num_stable_steps", nil, "number of steps without change; default: the remaining training steps"),
    .init("warmup_type", .string(stable.warmupShape.rawValue), "linear, cosine or 1-sqrt"),
    .init("decay_type", "cosine", "linear, cosine or 1-sqrt"),
    .init("min_lr_ratio", .double(stable.minimumRatio), "rate at both ends as a fraction"),
    .init("num_cycles", waves.defaultValue, "number of waves of a cosine decay; 0.5 falls once"),
  ]

  private static func criterion(_ criterion: MetricCriterion) -> [OptionDescription] {
    [
      .init("mode", .string(criterion.mode.rawValue), "min or max: whether low or high values are better"),
      .init("threshold", .double(criterion.threshold), "minimum improvement"),
      .init(
        "threshold_mode", .string(criterion.thresholdMode.rawValue),
        "rel or abs: fraction of the best value, or difference from it"),
    ]
  }
}
