import Checkpoints
import Optimizers

/// Where and how often a run saves itself.
struct CheckpointPlan {
  let directory: CheckpointDirectory
  /// Steps between two checkpoints; nil for one at the end of each epoch.
  let interval: Int?
  let resumes: Bool
}

extension TrainingRun {
  private static let settingsName = "settings"
  private static let journalName = "journal"
  private static let lossScalerName = "loss_scaler"

  /// What the saved run and this one must have in common.
  private var descriptions: [String: String] {
    get throws { try settings.descriptions.merging(["the data's checksum": dataChecksum]) { $1 } }
  }

  /// Goes on from the plan's newest checkpoint, where it says so and there is one.
  ///
  /// - Parameter warn: Hears of the checkpoint, of damaged ones, and of a directory that has none.
  /// - Throws: ``SettingsMismatch``, ``OccupiedDirectory`` and `CheckpointError`; the run begins at its
  ///   start then.
  mutating func resume(_ plan: CheckpointPlan, warn: (String) -> Void) throws {
    try plan.directory.lock()
    guard plan.resumes else {
      guard try plan.directory.checkpoints().isEmpty else {
        throw OccupiedDirectory(path: plan.directory.path)
      }
      return
    }
    guard let found = try plan.directory.latest() else {
      return warn("\(plan.directory.path) holds no checkpoint: the training begins at its start.")
    }
    for damaged in found.damaged { warn("Not used: \(damaged)") }
    warn("Resuming after step \(found.checkpoint.position.step) from \(found.path).")
    let checkpoint = found.checkpoint
    let saved = try checkpoint.value([String: String].self, for: Self.settingsName)
    if let mismatch = SettingsMismatch(path: found.path, saved: saved, here: try descriptions) {
      throw mismatch
    }
    let journal = try checkpoint.value(TrainingJournal.self, for: Self.journalName)
    let lossScale = try checkpoint.value(LossScaler.State.self, for: Self.lossScalerName)
    try checkpoint.restore(
      model: model.parameters, optimizer: takeStep.optimizer, schedulers: scheduler.map { [$0] } ?? [])
    try takeStep.scaler.restore(lossScale)
    self.journal = journal
  }

  /// Saves where it is time to, at the end of the run too.
  ///
  /// - Throws: ``TrainingInterrupted`` after an interruption, unless there is nothing left to do.
  func save(_ plan: CheckpointPlan?, endsEpoch: Bool, isInterrupted: Bool) throws {
    let step = journal.position.step
    let isLast = step == steps
    let stops = isInterrupted && !isLast
    var path: String?
    if let plan, stops || isLast || plan.interval.map(step.isMultiple) ?? endsEpoch {
      var checkpoint = try Checkpoint(
        position: journal.position, model: model.parameters, optimizer: takeStep.optimizer,
        schedulers: scheduler.map { [$0] } ?? [])
      try checkpoint.setValue(descriptions, for: Self.settingsName)
      try checkpoint.setValue(journal, for: Self.journalName)
      try checkpoint.setValue(takeStep.scaler.state, for: Self.lossScalerName)
      path = try plan.directory.save(checkpoint)
    }
    if stops { throw TrainingInterrupted(step: step, steps: steps, checkpoint: path) }
  }
}

/// A run that starts anew would save into the directory of another one.
struct OccupiedDirectory: Error, CustomStringConvertible {
  let path: String

  var description: String {
    "\(path) holds checkpoints of another run: go on with it by --resume, or name another directory."
  }
}

/// A run was asked to stop.
struct TrainingInterrupted: Error, CustomStringConvertible {
  let step: Int
  let steps: Int
  let checkpoint: String?

  var description: String {
    "Interrupted after step \(step) of \(steps)"
      + (checkpoint.map { "; saved as \($0): --resume goes on from there." } ?? ".")
  }
}
