import ArgumentParser
import Tensors

/// Optimizers with their settings, such as `adamw,adafactor:lr=1e-3:no-scale-parameter`.
struct ComparedOptimizers: ExpressibleByArgument {
  /// The texts as they were written.
  let labels: [String]

  init?(argument: String) {
    labels = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    if labels.contains("") { return nil }
  }

  /// Returns each label with its choice of optimizer.
  ///
  /// - Throws: `ValidationError` if a label is no optimizer, has a setting that its optimizer does not know,
  ///   or occurs twice.
  func choices(
    scalarType: ScalarType, hasSchedule: Bool, seed: UInt64
  ) throws -> [(label: String, choice: OptimizerChoice)] {
    let choices = try labels.map { label in
      let parts = label.split(separator: ":", omittingEmptySubsequences: false)
      // Settings are parsed as options of the command line, so that there is one parser and one set of
      // checks.
      let arguments = ["--optimizer=\(parts[0])"] + parts.dropFirst().map { "--\($0)" }
      do {
        let arguments = try OptimizerArguments.parse(arguments)
        guard arguments.optimizer.rawValue == parts[0] else {
          throw ValidationError(
            "--optimizer cannot be a setting: the optimizer is the name before the first "
              + "colon.")
        }
        try arguments.check(scalarType: scalarType, hasSchedule: hasSchedule)
        return (label, try arguments.choice(seed: seed))
      } catch {
        throw ValidationError("--compare \(label): \(OptimizerArguments.message(for: error))")
      }
    }
    // Checked after the names: an unknown optimizer is the more important error.
    guard labels.count > 1, Set(labels).count == labels.count else {
      throw ValidationError("--compare needs at least two optimizers, each of them once.")
    }
    return choices
  }
}
