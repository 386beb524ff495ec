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
    get throws {
      var result = try settings.descriptions
      result["the data's checksum"] = dataChecksum
      result[SettingsMismatch.scheduleKey] = try schedule.map {
        String(decoding: try JSONText.encode($0), as: UTF8.self)
      }
      return result
    }
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
    guard journal.position.epoch <= settings.epochs else {
      throw PastEnd(path: found.path, epochs: settings.epochs, done: journal.position.epoch)
    }
    guard fits(journal), checkpoint.position == journal.position else {
      throw ToolFileError(
        path: found.path, problem: "its position and its results do not fit together or to the data")
    }
    let lossScale = try checkpoint.value(LossScaler.State.self, for: Self.lossScalerName)
    try checkpoint.restore(
      model: model.parameters, optimizer: takeStep.optimizer, schedulers: scheduler.map { [$0] } ?? [])
    takeStep.optimizer.train()
    try takeStep.scaler.restore(lossScale)
    self.journal = journal
  }

  /// Whether a journal is one that this run could have come to.
  private func fits(_ journal: TrainingJournal) -> Bool {
    let (position, samples) = (journal.position, settings.samplesOfStep)
    return position.epoch >= 0 && position.epoch == journal.epochs.count
      && (0..<training.count).contains(position.example) && position.example.isMultiple(of: samples)
      && (position.epoch < settings.epochs || position.example == 0)
      && position.step == position.epoch * stepsPerEpoch + position.example / samples
      && (0...position.step).contains(journal.skippedSteps)
      && [journal.lossSum, journal.gradientSeconds, journal.optimizerSeconds, journal.testSeconds].allSatisfy
      {
        (0..<1e15).contains($0)
      }
      && journal.epochs.allSatisfy {
        $0.trainingLoss.isFinite && $0.testLoss.isFinite && $0.testAccuracy <= 1
      }
  }

  /// Saves where it is time to, at the end of the run too.
  ///
  /// - Throws: ``TrainingInterrupted`` after an interruption, unless there is nothing left to do.
  func save(_ plan: CheckpointPlan?, endsEpoch: Bool, signal: Int32?) throws {
    let step = journal.position.step
    let isLast = step == steps
    let stops = signal != nil && !isLast
    var path: String?
    if let plan, stops || isLast || plan.interval.map(step.isMultiple) ?? endsEpoch {
      // Its model is for `predict`, too.
      takeStep.optimizer.eval()
      defer { takeStep.optimizer.train() }
      var checkpoint = try Checkpoint(
        position: journal.position, model: model.parameters, optimizer: takeStep.optimizer,
        schedulers: scheduler.map { [$0] } ?? [])
      checkpoint.collections["model"]?.metadata = try description.metadata
      try checkpoint.setValue(descriptions, for: Self.settingsName)
      try checkpoint.setValue(journal, for: Self.journalName)
      try checkpoint.setValue(takeStep.scaler.state, for: Self.lossScalerName)
      path = try plan.directory.save(checkpoint)
    }
    if stops, let signal {
      throw TrainingInterrupted(step: step, steps: steps, checkpoint: path, signal: signal)
    }
  }
}

/// A run that starts anew would save into the directory of another one.
struct OccupiedDirectory: Error, CustomStringConvertible {
  let path: String

  var description: String {
    "\(path) holds checkpoints of another run: go on with it by --resume, or name another directory."
  }
}

/// A run that was asked to end before the point that it is resumed from.
struct PastEnd: Error, CustomStringConvertible {
  let path: String
  let epochs: Int
  let done: Int

  var description: String {
    "--epochs is \(epochs), but \(path) has seen \(done.counted("epoch")): give at least as many."
  }
}

/// A run was asked to stop.
struct TrainingInterrupted: Error, CustomStringConvertible {
  let step: Int
  let steps: Int
  let checkpoint: String?
  let signal: Int32

  /// 128 and the signal's number, as shells report it.
  var status: Int32 { 128 + signal }

  var description: String {
    "Interrupted after step \(step) of \(steps)"
      + (checkpoint.map { "; saved as \($0): --resume goes on from there." } ?? ".")
  }
}
