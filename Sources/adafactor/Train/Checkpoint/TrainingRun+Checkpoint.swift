import Checkpoints
import Optimizers

/// The directory in which a run saves itself, and the interval.
struct CheckpointPlan {
  let directory: CheckpointDirectory
  /// The number of steps between two checkpoints, or `nil` for one at the end of each epoch.
  let interval: Int?
  let resumes: Bool
}

extension TrainingRun {
  private static let settingsName = "settings"
  private static let journalName = "journal"
  private static let lossScalerName = "loss_scaler"

  /// The settings that the saved run and this one must have in common.
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

  /// Resumes from the plan's newest checkpoint if the plan says so and a checkpoint exists.
  ///
  /// - Parameter warn: Called with messages about the checkpoint, damaged ones, or a directory without any.
  /// - Throws: ``SettingsMismatch``, ``OccupiedDirectory`` and `CheckpointError`. The run is unchanged then.
  mutating func resume(_ plan: CheckpointPlan, warn: (String) -> Void) throws {
    try plan.directory.lock()
    guard plan.resumes else {
      guard try plan.directory.checkpoints().isEmpty else {
        throw OccupiedDirectory(path: plan.directory.path)
      }
      return
    }
    guard let found = try plan.directory.latest() else {
      return warn("\(plan.directory.path) holds no checkpoint: starting a new run.")
    }
    for damaged in found.damaged { warn("Skipped: \(damaged)") }
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
        path: found.path, problem: "its position and its results match neither each other nor the data")
    }
    let lossScale = try checkpoint.value(LossScaler.State.self, for: Self.lossScalerName)
    try checkpoint.restore(
      model: model.parameters, optimizer: takeStep.optimizer, schedulers: scheduler.map { [$0] } ?? [])
    takeStep.optimizer.train()
    try takeStep.scaler.restore(lossScale)
    self.journal = journal
  }

  /// Returns whether this run could have reached the journal.
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

  /// Saves a checkpoint if one is due. One is always due at the end of the run.
  ///
  /// - Throws: ``TrainingInterrupted`` after an interruption, unless the run is complete.
  func save(_ plan: CheckpointPlan?, endsEpoch: Bool, signal: Int32?) throws {
    let step = journal.position.step
    let isLast = step == steps
    let stops = signal != nil && !isLast
    var path: String?
    if let plan, stops || isLast || plan.interval.map(step.isMultiple) ?? endsEpoch {
      // `predict` uses the checkpoint's model, too.
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

/// The error if a new run would save into the directory of another run.
struct OccupiedDirectory: Error, CustomStringConvertible {
  let path: String

  var description: String {
    "\(path) holds checkpoints of another run: resume it with --resume, or give another directory."
  }
}

/// The error if a run is asked to end before the point that it resumes from.
struct PastEnd: Error, CustomStringConvertible {
  let path: String
  let epochs: Int
  let done: Int

  var description: String {
    "--epochs is \(epochs), but \(path) has already completed \(done.counted("epoch")): give at least as "
      + "many."
  }
}

/// The error if a signal stops a run.
struct TrainingInterrupted: Error, CustomStringConvertible {
  let step: Int
  let steps: Int
  let checkpoint: String?
  let signal: Int32

  /// 128 plus the signal's number, as shells report it.
  var status: Int32 { 128 + signal }

  var description: String {
    "Interrupted after step \(step) of \(steps)"
      + (checkpoint.map { "; saved as \($0): use --resume to continue." } ?? ".")
  }
}
