import ArgumentParser
import Schedules

/// The format in which `adafactor schedule` writes its rates.
enum ScheduleFormat: String, ExpressibleByArgument, CaseIterable {
  case table, csv, json, svg, plot
}

/// The length of a warmup, in steps or as a fraction of the training.
enum WarmupLength: ExpressibleByArgument, CustomStringConvertible {
  case steps(Int)
  case fraction(Double)

  init?(argument: String) {
    if let steps = Int(argument) {
      self = .steps(steps)
    } else if let fraction = Double(argument), fraction >= 0, fraction < 1 {
      self = .fraction(fraction)
    } else {
      return nil
    }
  }

  func steps(of trainingSteps: Int) throws(ScheduleError) -> Int {
    switch self {
    case .steps(let steps): steps
    case .fraction(let value): try Fraction(value).steps(of: trainingSteps)
    }
  }

  var description: String {
    switch self {
    case .steps(let steps): "\(steps)"
    case .fraction(let value): "\(value)"
    }
  }
}

/// An option of a schedule: `key=value`, or `name.key=value` for one of several schedules.
struct ScheduleOptionArgument: ExpressibleByArgument {
  let schedule: String?
  let key: String
  let value: ScheduleOption

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else { return nil }
    let path = parts[0].split(separator: ".", maxSplits: 1)
    schedule = path.count == 2 ? String(path[0]) : nil
    key = String(path.last ?? parts[0])
    value = ScheduleOption(text: String(parts[1]))
  }

  /// Returns the options of each schedule. An option that no schedule has goes to the first, which refuses
  /// it.
  static func distribute(
    _ options: [ScheduleOptionArgument], over names: [String]
  ) throws -> [String: [String: ScheduleOption]] {
    let entries = try names.map { try ScheduleCatalog.entry(named: $0) }
    var result: [String: [String: ScheduleOption]] = [:]
    for option in options {
      var owners = entries.filter { entry in entry.options.contains { $0.name == option.key } }.map(\.name)
      if let schedule = option.schedule {
        guard names.contains(schedule) else {
          throw ValidationError("The option \(schedule).\(option.key) is for a schedule that is not shown.")
        }
        owners = [schedule]
      } else if owners.isEmpty {
        owners = [names[0]]
      }
      for owner in owners { result[owner, default: [:]][option.key] = option.value }
    }
    return result
  }
}
