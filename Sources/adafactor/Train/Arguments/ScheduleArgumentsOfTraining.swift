import ArgumentParser
import Schedules

/// The learning-rate schedule on the command line.
struct ScheduleArgumentsOfTraining: ParsableArguments {
  @Option(
    name: .customLong("schedule"),
    help: ArgumentHelp(
      "The learning-rate schedule; `adafactor schedule --list` lists all schedules.", valueName: "name"))
  var name: String?

  @Option(help: "The number of warmup steps, or a fraction of the training, such as 0.1.")
  var warmupSteps: WarmupLength?

  @Option(
    name: .customLong("schedule-option"),
    help: ArgumentHelp("An option of the schedule.", valueName: "key=value"))
  var options: [ScheduleOptionArgument] = []

  func validate() throws {
    guard name != nil || (warmupSteps == nil && options.isEmpty) else {
      throw ValidationError(
        "--warmup-steps and --schedule-option belong to a schedule: give one with --schedule.")
    }
  }

  func choice() throws -> ScheduleChoice? {
    guard let name else { return nil }
    let options = try ScheduleOptionArgument.distribute(options, over: [name])
    return ScheduleChoice(name: name, warmup: warmupSteps ?? .steps(0), options: options[name] ?? [:])
  }
}
