import Checkpoints

/// Where and how often a run saves itself.
struct CheckpointPlan {
  let directory: CheckpointDirectory
  /// Steps between two checkpoints; nil for one at the end of each epoch.
  let interval: Int?
  let resumes: Bool

  func isDue(afterStep step: Int, endsEpoch: Bool) -> Bool {
    if let interval { step.isMultiple(of: interval) } else { endsEpoch }
  }

  /// The checkpoint to go on from: nil for a run from the beginning.
  ///
  /// - Parameter warn: Hears of checkpoints that are damaged, and of a directory that has none.
  func latest(_ warn: (String) -> Void) throws -> FoundCheckpoint? {
    guard resumes else {
      guard try directory.checkpoints().isEmpty else { throw OccupiedDirectory(path: directory.path) }
      return nil
    }
    guard let found = try directory.latest() else {
      warn("\(directory.path) holds no checkpoint: the training begins at its start.")
      return nil
    }
    for damaged in found.damaged { warn("Not used: \(damaged)") }
    warn("Resuming after step \(found.checkpoint.position.step) from \(found.path).")
    return found
  }
}

/// A run that starts anew would save into the directory of another one.
struct OccupiedDirectory: Error, CustomStringConvertible {
  let path: String

  var description: String {
    "\(path) holds checkpoints of another run: go on with it by --resume, or name another directory."
  }
}
