import ArgumentParser

/// `adafactor`: trains, plots schedules, steps on files, inspects them.
@main
struct AdafactorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adafactor",
    abstract: "Trains with Adafactor, and shows what its schedules and files hold.",
    version: "0.1.0",
    subcommands: [
      TrainCommand.self,
      ScheduleCommand.self,
      StepCommand.self,
      InspectCommand.self,
    ]
  )
}
