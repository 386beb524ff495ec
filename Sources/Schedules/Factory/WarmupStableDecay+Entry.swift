extension ScheduleCatalog.Entry {
  /// `warmup_stable_decay`, with the decays of transformers alone.
  static let warmupStableDecay = ScheduleCatalog.Entry(
    WarmupStableDecaySchedule.kind, "warms up, stays, and falls at the end only",
    requires: ["num_warmup_steps"], options: options
  ) { arguments throws(ScheduleError) in
    try makeWarmupStableDecay(arguments, decays: ["linear", "cosine", "1-sqrt"], power: nil)
  }

  /// `wsd`, the same with all decays.
  static let wsd = ScheduleCatalog.Entry(
    "wsd", "warmup_stable_decay with two more decay types: power and exponential",
    requires: ["num_warmup_steps"],
    options: options + [
      .init("power", .number, 0.5, "of the decay type power; 0.5 is 1-sqrt, 1 is linear")
    ]
  ) { arguments throws(ScheduleError) in
    try makeWarmupStableDecay(
      arguments, decays: ["linear", "cosine", "1-sqrt", "power", "exponential"],
      power: arguments.number("power"))
  }

  private static let options: [OptionDescription] = [
    .init("num_decay_steps", .integer, nil, "required; steps of the fall"),
    .init("num_stable_steps", .integer, nil, "steps without change; what the training leaves if not given"),
    .init(
      "warmup_type", .text, .string(WarmupStableDecaySchedule.defaultWarmupShape.rawValue),
      "linear, cosine or 1-sqrt"),
    .init("decay_type", .text, "cosine", "linear, cosine or 1-sqrt"),
    .init(
      "min_lr_ratio", .number, .double(WarmupStableDecaySchedule.defaultMinimumRatio),
      "part of the rate at both ends"),
    .init(
      "num_cycles", .number, .double(CosineSchedule.defaultCycles),
      "whole waves of a cosine decay; 0.5 falls once"),
  ]
}

/// Where both training and stable steps are given, the stable ones win, as in transformers.
private func makeWarmupStableDecay(
  _ arguments: ScheduleArguments, decays: [String], power: Double?
) throws(ScheduleError) -> SchedulePolicy {
  let warmupSteps = try arguments.warmupSteps()
  let decaySteps = try arguments.integer("num_decay_steps")
  let stableSteps = try arguments.optionalInteger("num_stable_steps")
  if stableSteps == nil && arguments.optionalTrainingSteps == nil { throw .noStableSteps }
  let warmupName = try arguments.text("warmup_type")
  guard let warmupShape = WarmupShape(rawValue: warmupName) else {
    throw .unknownShape(
      phase: "warmup", name: warmupName, known: WarmupShape.allCases.map(\.rawValue))
  }
  let decayName = try arguments.text("decay_type")
  let decayShape: DecayShape
  switch (decayName, power) {
  case ("linear", _): decayShape = .linear
  case ("cosine", _): decayShape = .cosine(cycles: try arguments.number("num_cycles"))
  case ("1-sqrt", _): decayShape = .oneMinusSquareRoot
  case ("power", let power?): decayShape = .power(power)
  case ("exponential", .some): decayShape = .exponential
  default: throw .unknownShape(phase: "decay", name: decayName, known: decays)
  }
  let minimumRatio = try arguments.number("min_lr_ratio")
  let schedule =
    if let stableSteps {
      try WarmupStableDecaySchedule(
        warmupSteps: warmupSteps, stableSteps: stableSteps, decaySteps: decaySteps,
        warmupShape: warmupShape, decayShape: decayShape, minimumRatio: minimumRatio)
    } else {
      try WarmupStableDecaySchedule(
        warmupSteps: warmupSteps, decaySteps: decaySteps, trainingSteps: arguments.trainingSteps(),
        warmupShape: warmupShape, decayShape: decayShape, minimumRatio: minimumRatio)
    }
  return .byStep(AnySchedule(schedule))
}
