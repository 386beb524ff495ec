/// A reader of the schedules and states that version 0.0 saved, with the settings' names in Swift and
/// enumerations in Swift's encoding:
///
///     {"policy": {"byStep": {"kind": "linear", "settings": {"warmupSteps": 0, "trainingSteps": 9}}},
///      "quantity": "learningRate", "initialRates": [0.1], "lastEpoch": 3}
enum SavedBefore1 {
  private enum StateKeys: CodingKey { case policy, byStep, byMetric, quantity, initialRates, lastEpoch }
  private enum ScheduleKeys: CodingKey { case kind, settings }

  /// Returns the state, or nil if another version saved it.
  static func state(from decoder: any Decoder) throws -> LearningRateScheduler.State? {
    let state = try decoder.container(keyedBy: StateKeys.self)
    guard state.contains(.policy) else { return nil }
    let policy = try state.nestedContainer(keyedBy: StateKeys.self, forKey: .policy)
    return try LearningRateScheduler.State(
      schedules: [try policy[policy.contains(.byMetric) ? .byMetric : .byStep]],
      hyperparameter: try state[.quantity], initialRates: try state[.initialRates],
      stepCount: try state[.lastEpoch])
  }

  /// Returns the schedule, or nil if another version saved it.
  static func schedule(from decoder: any Decoder) throws -> AnyLearningRateSchedule? {
    let container = try decoder.container(keyedBy: ScheduleKeys.self)
    guard container.contains(.kind) else { return nil }
    let name: String = try container[.kind]
    guard ScheduleCatalog.restorable.contains(where: { $0.name == name }) else {
      return try AnyLearningRateSchedule(own: name, from: container.superDecoder(forKey: .settings))
    }
    let settings = current(try container[.settings], of: name)
    return try AnyLearningRateSchedule(
      from: OptionDecoder(.object(settings), schedule: name, userInfo: decoder.userInfo))
  }

  /// Returns the settings in the current format. Nested schedules have their own `kind` and are converted in
  /// the same way.
  private static func current(_ old: [String: ScheduleOption], of name: String) -> [String: ScheduleOption] {
    var settings: [String: ScheduleOption] = ["name": .string(name)]
    for (key, value) in old {
      switch (key, value) {
      case ("criterion", .object(let criterion)):
        for (key, value) in criterion { settings[names[key] ?? key] = value }
      case ("minimum", .object(let minimum)):
        settings["min_lr"] = payload(minimum["rate"])
        settings["min_lr_rate"] = payload(minimum["ratio"])
      case ("decayShape", .object(let shape)):
        let shapeName = shape.keys.first ?? ""
        settings["decay_type"] = .string(shapeName == "oneMinusSquareRoot" ? "1-sqrt" : shapeName)
        if case .object(let cosine)? = shape["cosine"] { settings["num_cycles"] = cosine["cycles"] }
        if shapeName == "power" || shapeName == "exponential" {
          settings["power"] = payload(shape["power"]) ?? .null
        }
      case ("points", .array(let points)):
        for key in ["step", "multiplier"] {
          settings[key + "s"] = .array(
            points.map { if case .object(let point) = $0 { point[key] ?? .null } else { .null } })
        }
      case ("minimumRate", .object(let rates)), ("maximumRate", .object(let rates)):
        settings[names[key]!] = payload(rates["all"] ?? rates["each"])
      default: settings[names["\(name).\(key)"] ?? names[key] ?? key] = value
      }
    }
    return settings
  }

  /// Returns the associated value of a case without a label.
  private static func payload(_ value: ScheduleOption?) -> ScheduleOption? {
    if case .object(let values)? = value { values["_0"] } else { nil }
  }

  private static let names = [
    "warmupSteps": "num_warmup_steps", "trainingSteps": "num_training_steps", "cycles": "num_cycles",
    "endRate": "lr_end", "warmupStartRatio": "warmup_lr_rate", "stableSteps": "num_stable_steps",
    "warmup_stable_decay.decaySteps": "num_decay_steps", "decaySteps": "decay_steps",
    "warmupShape": "warmup_type", "minimumRatio": "min_lr_ratio", "decayRate": "gamma",
    "stepSize": "step_size", "riseFraction": "pct_start", "initialDivisor": "div_factor",
    "finalDivisor": "final_div_factor", "annealing": "anneal_strategy", "threePhases": "three_phase",
    "firstCycleSteps": "T_0", "growth": "T_mult", "cosine_warm_restarts.minimumRate": "eta_min",
    "holdSteps": "hold_steps", "initialRatio": "init_lr_scale", "finalRatio": "final_lr_scale",
    "warmup.steps": "num_warmup_steps", "startRatio": "start_factor", "shape": "warmup_type",
    "thresholdMode": "threshold_mode", "minimumRate": "min_lr", "maximumRate": "max_lr", "epsilon": "eps",
    "smoothingWindow": "window_size", "resetStart": "reset_start",
  ]
}
