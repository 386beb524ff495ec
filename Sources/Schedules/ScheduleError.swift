/// Why a schedule cannot be made, restored or attached to an optimizer.
///
/// The messages of errors that transformers or torch has are theirs.
public enum ScheduleError: Error, Equatable, Sendable {
  /// A setting is outside of what the schedule is defined for.
  case invalidSetting(schedule: String, setting: String, value: String, requirement: String)

  // MARK: Names and options

  /// No schedule has this name.
  case unknownName(String, known: [String])
  /// The schedule needs this argument and did not get it.
  case missingArgument(schedule: String, argument: String)
  /// The schedule has no warmup, and this number of warmup steps was asked for.
  case noWarmup(schedule: String, steps: Int, followsMetric: Bool)
  /// The schedule does not have this option.
  case unknownOption(schedule: String, option: String, known: [String])
  /// An option's value is of another type than the option.
  case illTypedOption(schedule: String, option: String, value: String, expected: String)
  /// A minimum is given both as a rate and as a ratio.
  case twoMinimums
  /// A minimum is given neither as a rate nor as a ratio.
  case noMinimum
  /// Neither the training steps nor the stable steps are known.
  case noStableSteps
  /// A phase of warmup_stable_decay has no shape of this name. `phase` is "warmup" or "decay".
  case unknownShape(phase: String, name: String, known: [String])
  /// A metric is neither to be minimized nor maximized.
  case unknownMode(String)
  /// A threshold is neither relative nor absolute.
  case unknownThresholdMode(String)
  /// A metric-driven schedule's factor would not reduce the rate.
  case factorNotBelowOne(Double)

  // MARK: Parameter groups

  /// polynomial would not decay from this initial rate.
  case endRateNotBelowInitial(endRate: Double, initialRate: Double)
  /// The rate of a step is infinite, or too great for a finite one: the schedule grows without bound.
  case infiniteRate(schedule: String, step: Int)
  /// A setting given per group has another number of values than the optimizer has groups.
  case groupCount(setting: String, expected: Int, actual: Int)
  /// The group computes this hyperparameter itself (as relative steps do), so a schedule cannot set it.
  case notSchedulable(Hyperparameter, group: Int)

  // MARK: Saved states

  /// A saved schedule has a name that no known type has.
  case unknownType(String)
  /// A saved state belongs to another configuration; one line a difference.
  case differentConfiguration([String])
}

extension ScheduleError: CustomStringConvertible {
  /// The message: the setting, its value and what to do.
  public var description: String {
    switch self {
    case .invalidSetting(let schedule, let setting, let value, let requirement):
      "\(schedule): \(setting) is \(value), but \(requirement)"
    case .unknownName(let name, let known):
      "\(name) is not a valid SchedulerType, please select one of [\(quoted(known))]"
    case .missingArgument(let schedule, let argument):
      "\(schedule) requires `\(argument)`, please provide that argument."
    case .noWarmup(let schedule, let steps, let followsMetric):
      "\(schedule) has no warmup, but \(steps) warmup steps were asked for: "
        + (followsMetric
          ? "leave them out, or warm up by another scheduler of the same optimizer"
          : "leave them out, or take constant_with_warmup")
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
      "\(schedule): the rate of step \(step) is greater than every finite number; show fewer steps, or let it grow less"
    case .groupCount(let setting, let expected, let actual): "expected \(expected) \(setting)s, got \(actual)"
    case .notSchedulable(let hyperparameter, let group):
      "parameter group \(group) computes its \(hyperparameter.words) itself, so no schedule can set it; "
        + "give the group a fixed \(hyperparameter.words), or nil instead of a schedule"
    case .unknownType(let name):
      "no schedule named '\(name)' is known; list your own types in the decoder's userInfo "
        + "under CodingUserInfoKey.scheduleTypes"
    case .differentConfiguration(let differences):
      "the saved scheduler has another configuration: " + differences.joined(separator: "; ")
    }
  }

  private func quoted(_ names: [String]) -> String { names.map { "'\($0)'" }.joined(separator: ", ") }

  private func alternatives(_ names: [String]) -> String {
    quoted(names.dropLast()) + " or " + quoted(Array(names.suffix(1)))
  }
}
