// Initializers name properties in their errors. A user who gave options by name needs the names of the options.
extension ScheduleCatalog.Entry {
  /// The names of options for each property. A property can have several names: a schedule has one of them, or the caller
  /// gives one of them.
  private static let names: [String: [String]] = [
    "warmupSteps": ["num_warmup_steps"], "trainingSteps": ["num_training_steps"],
    "stableSteps": ["num_stable_steps"], "decaySteps": ["num_decay_steps", "decay_steps"],
    "holdSteps": ["hold_steps"], "stepSize": ["step_size"], "firstCycleSteps": ["T_0"], "growth": ["T_mult"],
    "points": ["steps"], "cycles": ["num_cycles"], "decayRate": ["gamma"], "endRate": ["lr_end"],
    "minimum": ["min_lr", "min_lr_rate"], "minimumRate": ["min_lr", "eta_min"], "maximumRate": ["max_lr"],
    "minimumRatio": ["min_lr_ratio"], "warmupStartRatio": ["warmup_lr_rate"],
    "initialRatio": ["init_lr_scale"],
    "finalRatio": ["final_lr_scale"], "riseFraction": ["pct_start"], "initialDivisor": ["div_factor"],
    "finalDivisor": ["final_div_factor"], "epsilon": ["eps"], "smoothingWindow": ["window_size"],
    "resetStart": ["reset_start"],
  ]

  /// Returns the error with the names of this schedule and its options.
  ///
  /// - Parameter given: The options that the caller gave. If several match, the error names one of them.
  package func naming(_ error: ScheduleError, given: some Collection<String>) -> ScheduleError {
    func name(_ setting: String) -> String {
      let names = Self.names[setting] ?? []
      return names.first(where: given.contains) ?? names.first { name in options.contains { $0.name == name }
      }
        ?? names.first ?? setting
    }
    return switch error {
    case .invalidSetting(let schedule, let setting, let value, let requirement)
    where schedule == ScheduleCatalog.names[type]:
      .invalidSetting(schedule: self.name, setting: name(setting), value: value, requirement: requirement)
    case .groupCount(let setting, let expected, let actual):
      .groupCount(setting: name(setting), expected: expected, actual: actual)
    default: error
    }
  }
}
