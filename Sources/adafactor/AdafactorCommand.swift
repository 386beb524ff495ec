#if !Tool
  #error("The tool is built with the trait Tool, which is on by default: swift build --traits Tool")
#endif
import ArgumentParser
import Foundation

/// `adafactor`: trains models, shows schedules, takes optimizer steps on files and inspects files.
@main
struct AdafactorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adafactor",
    abstract: "Trains with Adafactor, shows learning-rate schedules, and steps and inspects files.",
    version: "0.1.0",
    subcommands: [
      TrainCommand.self,
      PredictCommand.self,
      ScheduleCommand.self,
      StepCommand.self,
      InspectCommand.self,
    ]
  )

  /// Runs the tool like the parser's own `main`, but sends help and errors through our streams too: the
  /// parser's print() ignores a full disk.
  static func main() {
    StandardStreams.prepare()
    do {
      var command = try parseAsRoot(joiningNegativeValues(CommandLine.arguments.dropFirst()))
      try command.run()
    } catch {
      let (message, code) = (fullMessage(for: error), exitCode(for: error))
      let text = message.isEmpty ? "" : message + "\n"
      guard code.isSuccess else {
        StandardStreams.report(text)
        exit(withStatus: code)
      }
      do {
        try StandardStreams.write(text)
      } catch {
        StandardStreams.report("Error: \(error)\n")
        exit(withStatus: .failure)
      }
    }
  }

  private static func exit(withStatus code: ExitCode) -> Never { Foundation.exit(code.rawValue) }

  /// Joins an option and a negative number that follows it by `=`, as in `--decay-rate=-0.8`: the parser
  /// treats an argument that begins with a dash as an option.
  ///
  /// The parser's own way, `parsing: .unconditional` for each option, would also take `--lr --steps` for a
  /// value.
  static func joiningNegativeValues(_ arguments: some Sequence<String>) -> [String] {
    var result: [String] = []
    var isOver = false
    for argument in arguments {
      isOver = isOver || argument == "--"
      let first = argument.split(separator: ",", omittingEmptySubsequences: false).first ?? ""
      if !isOver, argument.hasPrefix("-"), Double(first) != nil, let option = result.last,
        option.hasPrefix("--"), !option.contains("=")
      {
        result[result.count - 1] = "\(option)=\(argument)"
      } else {
        result.append(argument)
      }
    }
    return result
  }
}
