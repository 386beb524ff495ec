// The one place where a schedule is registered. Options have the names of its type's coding keys.
extension ScheduleCatalog {
  /// The schedules that can be made by name: those of transformers first, in the order of its `SchedulerType`.
  package static let entries: [Entry] = [
    Entry(LinearSchedule.self, "linear", "falls on a straight line to 0", requires: counts),
    Entry(
      CosineSchedule.self, "cosine", "falls on half a cosine wave to 0, and rises again after the training",
      requires: counts, options: [waves]),
    Entry(
      CosineWithRestartsSchedule.self, "cosine_with_restarts",
      "falls on half a cosine wave to 0 several times", requires: counts,
      options: [
        .init("num_cycles", .double(CosineWithRestartsSchedule.defaultCycles), "falls of the same length")
      ]),
    Entry(
      PolynomialSchedule.self, "polynomial", "falls with a power of the steps left to an end rate",
      requires: counts,
      options: [
        .init("lr_end", .double(PolynomialSchedule.defaults.endRate), "the rate at the end"),
        .init("power", .double(PolynomialSchedule.defaults.power), "1 is a straight line"),
      ]),
    Entry(ConstantSchedule.self, "constant", "stays as it is"),
    Entry(ConstantWithWarmupSchedule.self, "constant_with_warmup", "warms up and stays", requires: [warmup]),
    Entry(
      InverseSquareRootSchedule.self, "inverse_sqrt", "falls with the square root of the steps, without end",
      requires: [warmup],
      options: [.init("timescale", nil, "steps; the warmup where it is not given, else 10000")]),
    Entry(
      ReduceOnPlateauSchedule.self, "reduce_lr_on_plateau",
      "falls by a factor when a metric has not become better for a while",
      options: criterion(ReduceOnPlateauSchedule.defaultCriterion) + [
        .init("factor", .double(plateau.factor), "of a reduction; below 1"),
        .init("patience", .int(plateau.patience), "observations without a better one that are tolerated"),
        .init("cooldown", .int(plateau.cooldown), "observations after a reduction that do not count"),
        .init("min_lr", .double(plateau.minimumRate), "lowest rate"),
        .init("eps", .double(plateau.epsilon), "changes up to this are left out"),
      ]),
    Entry(
      CosineWithMinimumSchedule.self, "cosine_with_min_lr", "falls on half a cosine wave to a minimum",
      requires: counts, options: minimum),
    Entry(
      CosineWarmupWithMinimumSchedule.self, "cosine_warmup_with_min_lr",
      "warms up from its first step on, then falls on half a cosine wave to a minimum", requires: counts,
      options: minimum + [
        .init("warmup_lr_rate", nil, "part of the rate at step 0; 1/num_warmup_steps if not given")
      ]),
    Entry(
      WarmupStableDecaySchedule.self, "warmup_stable_decay", "warms up, stays, and falls at the end only",
      requires: [warmup], options: stableDecay),
    Entry(
      GreedySchedule.self, "greedy", "rises while a metric becomes better, and falls while it does not",
      options: criterion(GreedySchedule.defaultCriterion) + [
        .init("factor", .double(greedy.factor), "of a reduction; below 1"),
        .init("patience", .int(greedy.patience), "observations in a row that do not change anything yet"),
        .init("cooldown", .int(greedy.cooldown), "observations ignored after a reduction"),
        .init("warmup", .int(greedy.warmup), "observations ignored after an increase"),
        .init("min_lr", .double(greedy.minimumRate), "lowest rate"),
        .init("max_lr", .double(greedy.maximumRate), "highest rate"),
        .init("eps", .double(greedy.epsilon), "changes up to this are left out"),
        .init("smooth", false, "whether a moving mean of the metric is observed"),
        .init("window_size", .int(greedy.smoothingWindow), "values in that mean"),
        .init(
          "reset_start", .int(greedy.resetStart), "reductions at the lowest rate until everything begins anew"
        ),
      ]),

    // MARK: Beyond transformers

    Entry(
      WarmupStableDecaySchedule.self, "wsd",
      "warmup_stable_decay with two more decay types: power and exponential", requires: [warmup],
      options: stableDecay + [.init("power", 0.5, "of the decay type power; 0.5 is 1-sqrt, 1 is linear")]),
    Entry(
      ExponentialSchedule.self, "exponential",
      "is multiplied by a factor over every so many steps, without end", isWarmedUp: true,
      options: [
        .init("gamma", nil, "required; the factor"),
        .init("decay_steps", .int(ExponentialSchedule.defaultDecaySteps), "steps that it is over"),
      ]),
    Entry(
      StepDecaySchedule.self, "step", "drops by a factor every so many steps", isWarmedUp: true,
      options: [
        .init("step_size", nil, "required; steps between two drops"),
        .init("gamma", .double(StepDecaySchedule.defaultDecayRate), "the factor"),
      ]),
    Entry(
      MultiStepDecaySchedule.self, "multi_step", "drops by a factor at given steps", isWarmedUp: true,
      options: [
        .init("milestones", nil, "required; the steps of the drops, after the warmup"),
        .init("gamma", .double(StepDecaySchedule.defaultDecayRate), "the factor"),
      ]),
    Entry(
      OneCycleSchedule.self, "one_cycle", "rises to the rate and falls far below where it began",
      requires: [training], isWarmedUp: true,
      options: [
        .init("pct_start", .double(oneCycle.riseFraction), "part of the steps that rise"),
        .init("div_factor", .double(oneCycle.initialDivisor), "the first rate is the rate divided by it"),
        .init("final_div_factor", .double(oneCycle.finalDivisor), "the last rate is the first divided by it"),
        .init("anneal_strategy", .string(oneCycle.annealing.rawValue), "cos or linear"),
        .init("three_phase", .bool(oneCycle.threePhases), "falls to the first rate first"),
      ]),
    Entry(
      CosineWarmRestartsSchedule.self, "cosine_warm_restarts",
      "falls on half a cosine wave again and again, each time longer", isWarmedUp: true,
      options: [
        .init("T_0", nil, "required; steps of the first fall"),
        .init("T_mult", .int(restarts.growth), "how many times longer each fall is than the one before"),
        .init("eta_min", .double(restarts.minimumRate), "the rate it falls to"),
      ]),
    Entry(
      TriStageSchedule.self, "tri_stage", "warms up, stays, and falls exponentially", requires: counts,
      options: [
        .init("hold_steps", 0, "steps without change"),
        .init("init_lr_scale", .double(triStage.initialRatio), "part of the rate at step 0"),
        .init("final_lr_scale", .double(triStage.finalRatio), "part of the rate at the end"),
      ]),
    Entry(
      REXSchedule.self, "rex", "falls to 0, above the straight line and steeply at the end",
      requires: [training], isWarmedUp: true,
      options: [.init("delay", .double(REXSchedule.defaultDelay), "0 is the straight line")]),
    Entry(
      PiecewiseSchedule.self, "piecewise", "goes through given points", isWarmedUp: true,
      options: [
        .init("steps", nil, "required; the points' steps, after the warmup"),
        .init("multipliers", nil, "required; the points' factors on the rate"),
        .init(
          "interpolation", .string(PiecewiseSchedule.defaultInterpolation.rawValue),
          "constant, linear or cosine"),
      ]),
    Entry(
      JoinedSchedule.self, "joined", "is one schedule after the other, each from its own step 0",
      requires: [training],
      options: [
        .init("schedules", nil, "required; their names, each with its default options"),
        .init("boundaries", nil, "required; the steps at which the second, third, … begins"),
      ]),
  ]

  /// All schedules that can be saved. A warmup cannot be made by name: it comes before other schedules.
  static let restorable = entries + [Entry(WarmupSchedule.self, "warmup", "warms up before another schedule")]

  private static let (warmup, training) = ("num_warmup_steps", "num_training_steps")
  private static let counts = [warmup, training]

  private static let (plateau, greedy) = (ReduceOnPlateauSchedule.defaults, GreedySchedule.defaults)
  private static let (oneCycle, restarts) = (OneCycleSchedule.defaults, CosineWarmRestartsSchedule.defaults)
  private static let (stable, triStage) = (WarmupStableDecaySchedule.defaults, TriStageSchedule.defaults)

  private static let waves = OptionDescription(
    "num_cycles", .double(CosineSchedule.defaultCycles), "whole waves; 0.5 falls once")

  private static let minimum = [
    waves, .init("min_lr", nil, "the minimum, as a rate"),
    .init("min_lr_rate", nil, "the minimum, as a part of the rate"),
  ]

  private static let stableDecay: [OptionDescription] = [
    .init("num_decay_steps", nil, "required; steps of the fall"),
    .init("num_stable_steps", nil, "steps without change; what the training leaves if not given"),
    .init("warmup_type", .string(stable.warmupShape.rawValue), "linear, cosine or 1-sqrt"),
    .init("decay_type", "cosine", "linear, cosine or 1-sqrt"),
    .init("min_lr_ratio", .double(stable.minimumRatio), "part of the rate at both ends"),
    .init("num_cycles", waves.defaultValue, "whole waves of a cosine decay; 0.5 falls once"),
  ]

  private static func criterion(_ criterion: MetricCriterion) -> [OptionDescription] {
    [
      .init("mode", .string(criterion.mode.rawValue), "min or max: which values of the metric are good"),
      .init("threshold", .double(criterion.threshold), "how much better counts as better"),
      .init(
        "threshold_mode", .string(criterion.thresholdMode.rawValue),
        "rel or abs: a part of the best value, or a difference from it"),
    ]
  }
}
