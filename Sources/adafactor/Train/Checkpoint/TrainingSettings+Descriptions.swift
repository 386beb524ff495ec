import Optimizers

extension TrainingSettings {
  /// What a resumed run must have in common with the saved one, under the names of the command line.
  ///
  /// Not the threads, which change no bit.
  var descriptions: [String: String] {
    get throws {
      var result = [
        "--epochs": "\(epochs)", "--batch-size": "\(batchSize)", "--accumulate": "\(microBatches)",
        "--hidden": "\(LayerWidths(widths: hidden))", "--test-fraction": "\(testFraction)",
        "--seed": "\(seed)", "--dtype": scalarType.rawValue,
        "--clip-norm": clipNorm.map { "\($0)" } ?? "none",
        "--backend": backend.rawValue, "--optimizer": optimizer.kind.rawValue,
        "--schedule": schedule?.name ?? "none",
      ]
      if let schedule {
        result["--warmup-steps"] = "\(schedule.warmup)"
        for (name, value) in schedule.options { result["--schedule-option \(name)"] = "\(value)" }
      }
      for (name, value) in try optimizer.descriptions { result["the optimizer's \(name)"] = value }
      return result
    }
  }
}

/// A resumed run that is not the saved one.
struct SettingsMismatch: Error, Equatable, CustomStringConvertible {
  let path: String
  let differences: [String]

  /// The schedule in all its numbers. It follows from the settings, and says whether their epochs matter.
  static let scheduleKey = "the schedule"

  /// Nil if a run with the settings here has the saved steps as its first: if both are the same, or if the epochs differ
  /// and the schedule does not depend on them.
  init?(path: String, saved: [String: String], here: [String: String]) {
    let ignored = saved[Self.scheduleKey] == here[Self.scheduleKey] ? "--epochs" : nil
    let names = Set(saved.keys).union(here.keys).sorted().filter {
      saved[$0] != here[$0] && $0 != Self.scheduleKey && $0 != ignored
    }
    if names.isEmpty { return nil }
    self.path = path
    differences = names.map { name in
      "\(name): \(saved[name] ?? "none") in the checkpoint, \(here[name] ?? "none") here"
        + (names == ["--epochs"] ? ", and the schedule depends on it" : "")
    }
  }

  var description: String {
    "\(path) is of a run with other settings; give the same ones to --resume:"
      + differences.map { "\n- \($0)" }.joined()
  }
}
