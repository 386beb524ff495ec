// A complete training loop, which may be killed at any moment and resumes with the same bits.
//
//     TrainingLoop DIRECTORY    trains; if you stop it and start it again, it resumes from the checkpoints in DIRECTORY
//     TrainingLoop              trains once without interruption and once with two kills, and compares

import Foundation

let arguments = CommandLine.arguments.dropFirst()
if let directory = arguments.first {
  let training = try Training()
  try training.run(directory: directory, killAfter: arguments.dropFirst().first.flatMap { Int($0) })
  print("loss \(training.loss())")
} else {
  let temporary = FileManager.default.temporaryDirectory.path + "/training-\(UUID().uuidString)"
  defer { try? FileManager.default.removeItem(atPath: temporary) }

  let unstopped = try Training()
  let lossBefore = unstopped.loss()
  try unstopped.run(directory: temporary + "/unstopped")

  // Killed twice by a signal that no program can catch, both times in the middle of a window of micro-batches.
  for microBatches in [37, 102] {
    let process = Process()
    process.executableURL = Bundle.main.executableURL
    process.arguments = [temporary + "/killed", "\(microBatches)"]
    try process.run()
    process.waitUntilExit()
    precondition(process.terminationReason == .uncaughtSignal, "The training run was not killed.")
  }
  let resumed = try Training()
  try resumed.run(directory: temporary + "/killed")

  print("loss \(lossBefore) → \(resumed.loss()), killed twice and resumed")
  precondition(resumed.loss() < lossBefore / 100, "The loss hardly fell.")
  for (one, other) in zip(unstopped.parameters, resumed.parameters) {
    precondition(one.value == other.value, "\(one.name) has other bits than without interruption.")
    precondition(unstopped.optimizer.state(of: one) == resumed.optimizer.state(of: other))
  }
  precondition(
    unstopped.scheduler.state == resumed.scheduler.state && unstopped.generator == resumed.generator)
}
