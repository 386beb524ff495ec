/// An error of creating a schedule, restoring it, or attaching it to an optimizer.
///
/// If transformers or torch has the same error, the message is theirs.
public enum ScheduleError: Error, Equatable, Sendable {
  /// The schedule isn't defined for the value of a setting.
  case invalidSetting(schedule: String, setting: String, value: String, requirement: String)

  // MARK: Names and options

  /// No schedule has this name.
  case unknownName(String, known: [String])
  /// The schedule requires this argument.
  case missingArgument(schedule: String, argument: String)
  /// The schedule has no warmup, but this number of warmup steps was requested.
  case noWarmup(schedule: String, steps: Int, followsMetric: Bool)
  /// The schedule does not have this option.
  case unknownOption(schedule: String, option: String, known: [String])
  /// The value of an option has the wrong type.
  case illTypedOption(schedule: String, option: String, value: String, expected: String)
  /// A minimum is given both as a rate and as a ratio.
  case twoMinimums
  /// A minimum is given neither as a rate nor as a ratio.
  case noMinimum
  /// Neither the training steps nor the stable steps are given.
  case noStableSteps
  /// A phase of warmup_stable_decay has no shape with this name. `phase` is "warmup" or "decay".
  case unknownShape(phase: String, name: String, known: [String])
  /// The mode of a metric is neither minimize nor maximize.
  case unknownMode(String)
  /// A threshold is neither relative nor absolute.
  case unknownThresholdMode(String)
  /// The factor of a metric-driven schedule would not reduce the rate.
  case factorNotBelowOne(Double)

  // MARK: Parameter groups

  /// A polynomial schedule would not decay from this initial rate.
  case endRateNotBelowInitial(endRate: Double, initialRate: Double)
  /// The rate of a step is infinite, or above the largest finite number, because the schedule grows without bound.
  case infiniteRate(schedule: String, step: Int)
  /// The number of values in a setting per group differs from the number of the optimizer's groups.
  case groupCount(setting: String, expected: Int, actual: Int)
  /// The group computes this hyperparameter itself, as with relative steps, so a schedule cannot set it.
  case notSchedulable(Hyperparameter, group: Int)

  // MARK: Saved states

  /// No known type has the name of a saved schedule.
  case unknownType(String)
  /// A saved state belongs to a different configuration. The list has one line per difference.
  case differentConfiguration([String])
}

extension ScheduleError: CustomStringConvertible {
  /// The message, with the setting, its value and the remedy.
  public var description: String {
    switch self {
    case .invalidSetting(let schedule, let setting, let value, let requirement):
      "\(schedule): \(setting) is \(value), but \(requirement)"
    case .unknownName(let name, let known):
      "\(name) is not a valid SchedulerType, please select one of [\(quoted(known))]"
    case .missingArgument(let schedule, let argument):
      "\(schedule) requires `\(argument)`, please provide that argument."
    case .noWarmup(let schedule, let steps, let followsMetric):
      "\(schedule) has no warmup, but \(steps) warmup steps were requested: "
        + (followsMetric
          ? "omit them, or warm up with another scheduler of the same optimizer"
          : "omit them, or use constant_with_warmup")
    case .unknownOption(let schedule, let option, let known):
      "\(schedule) got an unexpected keyword argument '\(option)'; "
        + (known.isEmpty ? "it has no options" : "its options are \(known.joined(separator: ", "))")
    case .illTypedOption(let schedule, let option, let value, let expected):
      "\(schedule): the option \(option) is \(value), but must be \(expected)"
    case .twoMinimums: "Only one of min_lr or min_lr_rate should be set"
    case .noMinimum: "One of min_lr or min_lr_rate should be set through the `lr_scheduler_kwargs`"
    case .noStableSteps: "Either num_training_steps or num_stable_steps must be specified."
    case .unknownShape(let phase, let name, let known):
      "Unknown \(phase) type: \(name), expected \(alternatives(known))"
    case .unknownMode(let mode): "mode \(mode) is unknown!"
    case .unknownThresholdMode(let mode): "threshold mode \(mode) is unknown!"
    case .factorNotBelowOne: "Factor should be < 1.0."
    case .endRateNotBelowInitial(let endRate, let initialRate):
      "lr_end (\(endRate)) must be smaller than initial lr (\(initialRate))"
    case .infiniteRate(let schedule, let step):
      "\(schedule): the rate of step \(step) is above the largest finite number; show fewer steps, or reduce the growth"
    case .groupCount(let setting, let expected, let actual): "expected \(expected) \(setting)s, got \(actual)"
    case .notSchedulable(let hyperparameter, let group):
      "parameter group \(group) computes its own \(hyperparameter.words), so no schedule can set it; "
        + "give the group a fixed \(hyperparameter.words), or pass nil instead of a schedule"
    case .unknownType(let name):
      "no schedule named '\(name)' is known; list your own types in the decoder's userInfo "
        + "under CodingUserInfoKey.scheduleTypes"
    case .differentConfiguration(let differences):
      "the saved scheduler has a different configuration: " + differences.joined(separator: "; ")
    }
  }

  private func quoted(_ names: [String]) -> String { names.map { "'\($0)'" }.joined(separator: ", ") }

  private func alternatives(_ names: [String]) -> String {
    quoted(names.dropLast()) + " or " + quoted(Array(names.suffix(1)))
  }
}
