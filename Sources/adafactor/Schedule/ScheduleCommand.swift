import ArgumentParser
import Foundation
import Schedules

/// `adafactor schedule`: shows the learning rate of every step of one or several schedules.
struct ScheduleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedule",
    abstract: "Shows the learning rate at every step of one or several schedules.",
    usage: """
      adafactor schedule <name> ... --lr <rate> --steps <steps> [<options>]
      adafactor schedule --list
      """,
    discussion: """
      Row s holds the rate that optimizer step s uses, counted from 0. For a schedule that follows a metric, \
      this is the rate before metric s is observed. Rates are written with all digits and read back as the \
      same numbers.

      With several schedules, an option goes to every schedule that has it; name.key=value sets it for one \
      schedule.

      Examples:
        adafactor schedule cosine --lr 1e-3 --steps 1000 --warmup-steps 100
        adafactor schedule linear cosine rex --lr 1 --steps 100 --output rates.svg
        adafactor schedule polynomial --lr 1e-3 --steps 200 --option lr_end=1e-5
        adafactor schedule greedy --lr 0.1 --steps 50 --metrics losses.txt
        adafactor schedule --list
      """)

  @Argument(help: ArgumentHelp("The schedules; --list describes them.", valueName: "name"))
  var names: [String] = []

  @Option(
    name: .customLong("lr"), help: ArgumentHelp("The initial learning rate.", valueName: "rate"))
  var learningRate: Double?

  /// A table of a million steps takes 300 MB of memory; CSV is written row by row.
  private var mostSteps: Int { chosenFormat == .csv ? 1_000_000_000 : 1_000_000 }

  @Option(help: "The number of steps to show, at most 1000000, or 1000000000 as csv.")
  var steps: Int?

  @Option(help: "The number of warmup steps, or a fraction of the training, such as 0.1. (default: 0)")
  var warmupSteps: WarmupLength?

  @Option(help: "The number of training steps. (default: the value of --steps)")
  var trainingSteps: Int?

  @Option(
    name: .customLong("option"),
    help: ArgumentHelp(
      "An option of the schedule, under its name in transformers if it has one there; write a list as a,b,c.",
      valueName: "key=value"))
  var options: [ScheduleOptionArgument] = []

  @Option(
    help: ArgumentHelp("One number per line, for schedules that follow a metric.", valueName: "file"))
  var metrics: String?

  @Option(
    help: """
      table, csv, json, svg or plot. (default: the ending of --output; without --output, plot on a terminal \
      and csv otherwise)
      """)
  var format: ScheduleFormat?

  @Option(help: ArgumentHelp("The file to write instead of standard output.", valueName: "file"))
  var output: String?

  @Flag(help: "Draws the rates on a logarithmic axis.")
  var logarithmic = false

  @Flag(help: "Describes all schedules and their options.")
  var list = false

  func validate() throws {
    if list {
      let others =
        names
        + [
          ("--lr", learningRate != nil), ("--steps", steps != nil), ("--warmup-steps", warmupSteps != nil),
          ("--training-steps", trainingSteps != nil), ("--option", !options.isEmpty),
          ("--metrics", metrics != nil), ("--format", format != nil), ("--logarithmic", logarithmic),
        ].filter(\.1).map(\.0)
      guard others.isEmpty else {
        throw ValidationError(
          "--list describes all schedules as text: remove \(others.joined(separator: ", ")).")
      }
      return
    }
    guard !names.isEmpty else {
      throw ValidationError("Give the name of a schedule, or --list to see them.")
    }
    guard let learningRate, learningRate >= 0, learningRate.isFinite else {
      throw ValidationError("Give the initial learning rate with --lr: a number that is not negative.")
    }
    guard let steps, (1...mostSteps).contains(steps) else {
      throw ValidationError(
        "Give the number of steps to show with --steps: 1 to \(mostSteps) as \(chosenFormat.rawValue).")
    }
    guard !logarithmic || [.svg, .plot].contains(chosenFormat) else {
      throw ValidationError(
        "--logarithmic changes the axis of a chart, but the format is \(chosenFormat.rawValue): "
          + "remove it, or give --format svg or plot.")
    }
    let entries = try names.map { try ScheduleCatalog.entry(named: $0) }
    guard metrics == nil || entries.contains(where: \.followsMetric) else {
      throw ValidationError(
        "--metrics is for a schedule that follows a metric, but the step drives "
          + "\(names.joined(separator: ", ")): "
          + "remove it.")
    }
  }

  func run() throws {
    // Without --format, the ending of the name is the format.
    let endings = list || format != nil ? [] : ScheduleFormat.allCases.map(\.rawValue)
    let file: OutputFile? =
      if let output { try OutputFile(output, option: "--output", endings: endings) } else { nil }
    try file?.requireOther(than: metrics, of: "--metrics")
    if list {
      if let file { try file.write(ScheduleList.text) } else { try StandardStreams.write(ScheduleList.text) }
      return
    }
    let report = try report()
    if let file { try file.write(report) } else { try report { try StandardStreams.write($0) } }
  }

  /// Checks everything that can be wrong, then returns the closure that writes the report.
  private func report() throws -> ((_ piece: String) throws -> Void) throws -> Void {
    guard let learningRate, let steps else { fatalError("validate() has checked --lr and --steps") }
    let options = try ScheduleOptionArgument.distribute(options, over: names)
    let metrics = try metrics.map { try MetricsFile(path: $0) }
    let rates = try names.map { name in
      let choice = ScheduleChoice(name: name, warmup: warmupSteps ?? .steps(0), options: options[name] ?? [:])
      return try choice.namingOptions(
        trainingSteps: trainingSteps == nil ? "--steps" : "--training-steps"
      ) {
        try ScheduleRates(
          name, of: choice.schedule(trainingSteps: trainingSteps ?? steps), initialRate: learningRate,
          steps: steps, metrics: metrics)
      }
    }
    if chosenFormat == .csv {
      return { write in try ScheduleReport.writeCSV(rates, steps: steps, to: write) }
    }
    let text = try ScheduleReport(
      rates, initialRate: learningRate, steps: steps, isLogarithmic: logarithmic
    ).text(chosenFormat)
    return { write in try write(text) }
  }

  private var chosenFormat: ScheduleFormat {
    if let format { return format }
    if let output {
      return ScheduleFormat(rawValue: URL(fileURLWithPath: output).pathExtension.lowercased()) ?? .csv
    }
    return Terminal.isConnected ? .plot : .csv
  }
}
