import ArgumentParser
import Schedules

/// A schedule of the learning rate on the command line.
struct ScheduleArgumentsOfTraining: ParsableArguments {
  @Option(
    name: .customLong("schedule"),
    help: ArgumentHelp(
      "A schedule of the learning rate; `adafactor schedule --list` names them.", valueName: "name"))
  var name: String?

  @Option(help: "The steps of the warmup, or a part of the training below 1, as 0.1.")
  var warmupSteps: WarmupLength?

  @Option(
    name: .customLong("schedule-option"),
    help: ArgumentHelp("An option of the schedule.", valueName: "key=value"))
  var options: [ScheduleOptionArgument] = []

  func validate() throws {
    guard name != nil || (warmupSteps == nil && options.isEmpty) else {
      throw ValidationError(
        "--warmup-steps and --schedule-option belong to a schedule: name one by --schedule.")
    }
  }

  func choice() throws -> ScheduleChoice? {
    guard let name else { return nil }
    let options = try ScheduleOptionArgument.distribute(options, over: [name])
    return ScheduleChoice(name: name, warmup: warmupSteps ?? .steps(0), options: options[name] ?? [:])
  }
}
