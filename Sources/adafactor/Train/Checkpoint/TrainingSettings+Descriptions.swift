import Optimizers
import Tensors

extension TrainingSettings {
  /// The settings that a resumed run must have in common with the saved one, under their names on the command
  /// line.
  ///
  /// The number of threads is not among them because it changes no bit.
  var descriptions: [String: String] {
    get throws {
      var result = [
        "--epochs": "\(epochs)", "--batch-size": "\(batchSize)", "--accumulate": "\(microBatches)",
        "--hidden": "\(LayerWidths(widths: hidden))", "--test-fraction": "\(testFraction)",
        "--seed": "\(seed)", "--dtype": scalarType.rawValue,
        "--clip-norm": clipNorm.map { "\($0)" } ?? "none",
        "--backend": backend?.rawValue ?? "the default, with \(Backend.default.rawValue)",
        "--optimizer": optimizer.kind.rawValue,
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

/// The error if a resumed run differs from the saved one.
struct SettingsMismatch: Error, Equatable, CustomStringConvertible {
  let path: String
  let differences: [String]

  /// The key of the schedule with all its numbers. The schedule follows from the settings and shows whether
  /// the number of epochs matters.
  static let scheduleKey = "the schedule"

  /// Creates the error, or returns `nil` if a run with the settings here begins with the saved steps: if both
  /// settings are the same, or if only the epochs differ and the schedule does not depend on them.
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
    "\(path) belongs to a run with other settings. To resume it, give the same settings:"
      + differences.map { "\n- \($0)" }.joined()
  }
}
