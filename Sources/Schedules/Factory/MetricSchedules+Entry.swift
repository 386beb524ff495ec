extension ScheduleCatalog.Entry {
  /// `reduce_lr_on_plateau`.
  static let reduceOnPlateau = ScheduleCatalog.Entry(
    ReduceOnPlateauSchedule.kind, "falls by a factor when a metric has not become better for a while",
    options: criterionOptions(ReduceOnPlateauSchedule.defaultCriterion) + [
      .init("factor", .number, .double(ReduceOnPlateauSchedule.defaultFactor), "of a reduction; below 1"),
      .init(
        "patience", .integer, .int(ReduceOnPlateauSchedule.defaultPatience),
        "observations without a better one that are tolerated"),
      .init(
        "cooldown", .integer, .int(ReduceOnPlateauSchedule.defaultCooldown),
        "observations after a reduction that do not count"),
      .init("min_lr", .numberPerGroup, .init(ReduceOnPlateauSchedule.defaultMinimumRate), "lowest rate"),
      .init(
        "eps", .number, .double(ReduceOnPlateauSchedule.defaultEpsilon), "changes up to this are left out"),
    ], followsMetric: true
  ) { arguments throws(ScheduleError) in
    let criterion = try criterion(arguments)
    return .byMetric(
      AnyMetricSchedule(
        try ReduceOnPlateauSchedule(
          mode: criterion.mode, threshold: criterion.threshold, thresholdMode: criterion.thresholdMode,
          factor: arguments.number("factor"),
          patience: arguments.integer("patience"), cooldown: arguments.integer("cooldown"),
          minimumRate: arguments.perGroup("min_lr"), epsilon: arguments.number("eps"))))
  }

  /// `greedy`.
  static let greedy = ScheduleCatalog.Entry(
    GreedySchedule.kind, "rises while a metric becomes better, and falls while it does not",
    options: criterionOptions(GreedySchedule.defaultCriterion) + [
      .init("factor", .number, .double(GreedySchedule.defaultFactor), "of a reduction; below 1"),
      .init(
        "patience", .integer, .int(GreedySchedule.defaultPatience),
        "observations in a row that do not change anything yet"),
      .init(
        "cooldown", .integer, .int(GreedySchedule.defaultCooldown),
        "observations ignored after a reduction"),
      .init(
        "warmup", .integer, .int(GreedySchedule.defaultWarmup), "observations ignored after an increase"),
      .init("min_lr", .numberPerGroup, .init(GreedySchedule.defaultMinimumRate), "lowest rate"),
      .init("max_lr", .numberPerGroup, .init(GreedySchedule.defaultMaximumRate), "highest rate"),
      .init("eps", .number, .double(GreedySchedule.defaultEpsilon), "changes up to this are left out"),
      .init("smooth", .boolean, false, "whether a moving mean of the metric is observed"),
      .init(
        "window_size", .integer, .int(GreedySchedule.defaultSmoothingWindow), "values in that mean"),
      .init(
        "reset_start", .integer, .int(GreedySchedule.defaultResetStart),
        "reductions at the lowest rate until everything begins anew"),
    ], followsMetric: true
  ) { arguments throws(ScheduleError) in
    let criterion = try criterion(arguments)
    return .byMetric(
      AnyMetricSchedule(
        try GreedySchedule(
          mode: criterion.mode, threshold: criterion.threshold, thresholdMode: criterion.thresholdMode,
          factor: arguments.number("factor"),
          patience: arguments.integer("patience"), cooldown: arguments.integer("cooldown"),
          warmup: arguments.integer("warmup"), minimumRate: arguments.perGroup("min_lr"),
          maximumRate: arguments.perGroup("max_lr"), epsilon: arguments.number("eps"),
          smoothingWindow: arguments.boolean("smooth") ? arguments.integer("window_size") : nil,
          resetStart: arguments.integer("reset_start"))))
  }
}

private func criterionOptions(_ criterion: MetricCriterion) -> [OptionDescription] {
  [
    .init("mode", .text, .string(criterion.mode.rawValue), "min or max: which values of the metric are good"),
    .init("threshold", .number, .double(criterion.threshold), "how much better counts as better"),
    .init(
      "threshold_mode", .text, .string(criterion.thresholdMode.rawValue),
      "rel or abs: a part of the best value, or a difference from it"),
  ]
}

private func criterion(_ arguments: ScheduleArguments) throws(ScheduleError) -> MetricCriterion {
  let modeName = try arguments.text("mode")
  guard let mode = MetricCriterion.Mode(rawValue: modeName) else { throw .unknownMode(modeName) }
  let thresholdName = try arguments.text("threshold_mode")
  guard let thresholdMode = MetricCriterion.ThresholdMode(rawValue: thresholdName) else {
    throw .unknownThresholdMode(thresholdName)
  }
  return MetricCriterion(
    mode: mode, threshold: try arguments.number("threshold"), thresholdMode: thresholdMode)
}

extension ScheduleOption {
  fileprivate init(_ setting: PerGroup) {
    switch setting {
    case .all(let value): self = .double(value)
    case .each(let values): self = .array(values.map { .double($0) })
    }
  }
}
