import ArgumentParser
import Tensors

/// Optimizers with their settings, as `adamw,adafactor:lr=1e-3:no-scale-parameter`.
struct ComparedOptimizers: ExpressibleByArgument {
  /// As they were written.
  let labels: [String]

  init?(argument: String) {
    labels = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    if labels.contains("") { return nil }
  }

  /// Each with the choice that it stands for.
  ///
  /// - Throws: `ValidationError` for one that is no optimizer, has a setting that it does not know, or occurs
  ///   twice.
  func choices(
    scalarType: ScalarType, hasSchedule: Bool, seed: UInt64
  ) throws -> [(label: String, choice: OptimizerChoice)] {
    let choices = try labels.map { label in
      let parts = label.split(separator: ":", omittingEmptySubsequences: false)
      // The settings are the options of the command line: one parser, and one set of checks.
      let arguments = ["--optimizer=\(parts[0])"] + parts.dropFirst().map { "--\($0)" }
      do {
        let arguments = try OptimizerArguments.parse(arguments)
        guard arguments.optimizer.rawValue == parts[0] else {
          throw ValidationError("The optimizer is named before its settings only.")
        }
        try arguments.check(scalarType: scalarType, hasSchedule: hasSchedule)
        return (label, try arguments.choice(seed: seed))
      } catch {
        throw ValidationError("--compare \(label): \(OptimizerArguments.message(for: error))")
      }
    }
    // After the names: of one that is unknown, the number does not matter.
    guard labels.count > 1, Set(labels).count == labels.count else {
      throw ValidationError("--compare needs two optimizers or more, each of them once.")
    }
    return choices
  }
}
