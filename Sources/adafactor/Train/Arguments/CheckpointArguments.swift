import ArgumentParser
import Checkpoints

struct CheckpointArguments: ParsableArguments {
  @Option(
    name: .customLong("checkpoint-directory"),
    help: ArgumentHelp(
      """
      Saves model, optimizer, schedule and position here: at the end, on Ctrl-C and SIGTERM, which then end with \
      status 130 and 143, and as --checkpoint-every says.
      """, valueName: "directory"))
  var directory: String?

  @Option(
    name: .customLong("checkpoint-every"),
    help: ArgumentHelp("Saves after every so many steps. (default: after every epoch)", valueName: "steps"))
  var interval: Int?

  @Option(
    name: .customLong("keep"), help: ArgumentHelp("The number of checkpoints that are kept. (default: 3)"))
  var keptCount: Int?

  @Flag(
    help: """
      Resumes from the newest intact checkpoint in the directory, with the same bits as an uninterrupted run \
      on as many OpenBLAS threads; starts anew if there is none. All settings except --threads must be those of the saved run; --epochs may differ \
      unless the schedule depends on it.
      """)
  var resume = false

  func validate() throws {
    try requirePositive(["--checkpoint-every": interval, "--keep": keptCount])
    let dependent = [
      ("--checkpoint-every", interval != nil), ("--keep", keptCount != nil), ("--resume", resume),
    ]
    if directory == nil, let name = dependent.first(where: \.1)?.0 {
      throw ValidationError("\(name) needs a directory: name one by --checkpoint-directory.")
    }
  }

  /// Nil where nothing is saved.
  var plan: CheckpointPlan? {
    directory.map { path in
      CheckpointPlan(
        directory: keptCount.map { CheckpointDirectory(path: path, keeping: $0) }
          ?? CheckpointDirectory(path: path),
        interval: interval, resumes: resume)
    }
  }
}
