import ArgumentParser
import Checkpoints

struct CheckpointArguments: ParsableArguments {
  @Option(
    name: .customLong("checkpoint-directory"),
    help: ArgumentHelp(
      """
      Saves model, optimizer, schedule and position in this directory: at the end, at the interval of \
      --checkpoint-every, and on Ctrl-C and SIGTERM, which then end with status 130 and 143.
      """, valueName: "directory"))
  var directory: String?

  @Option(
    name: .customLong("checkpoint-every"),
    help: ArgumentHelp("The number of steps between checkpoints. (default: one epoch)", valueName: "steps"))
  var interval: Int?

  @Option(
    name: .customLong("keep"), help: ArgumentHelp("The number of checkpoints to keep. (default: 3)"))
  var keptCount: Int?

  @Flag(
    help: """
      Resumes from the newest intact checkpoint in the directory, or starts a new run if there is none. The \
      result has the same bits as an uninterrupted run on the same number of OpenBLAS threads. All settings \
      except --threads must match the saved run; --epochs may differ unless the schedule depends on it.
      """)
  var resume = false

  func validate() throws {
    try requirePositive(["--checkpoint-every": interval, "--keep": keptCount])
    let dependent = [
      ("--checkpoint-every", interval != nil), ("--keep", keptCount != nil), ("--resume", resume),
    ]
    if directory == nil, let name = dependent.first(where: \.1)?.0 {
      throw ValidationError("\(name) needs a directory: give one with --checkpoint-directory.")
    }
  }

  /// The plan for saving, or `nil` if nothing is saved.
  var plan: CheckpointPlan? {
    directory.map { path in
      CheckpointPlan(
        directory: keptCount.map { CheckpointDirectory(path: path, keeping: $0) }
          ?? CheckpointDirectory(path: path),
        interval: interval, resumes: resume)
    }
  }
}
