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

  /// Nil where both are the same.
  init?(path: String, saved: [String: String], here: [String: String]) {
    let names = Set(saved.keys).union(here.keys).sorted().filter { saved[$0] != here[$0] }
    if names.isEmpty { return nil }
    self.path = path
    differences = names.map { "\($0): \(saved[$0] ?? "none") in the checkpoint, \(here[$0] ?? "none") here" }
  }

  var description: String {
    "\(path) is of a run with other settings; give the same ones to --resume:"
      + differences.map { "\n- \($0)" }.joined()
  }
}
