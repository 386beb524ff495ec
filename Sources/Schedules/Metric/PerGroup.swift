/// A setting that is the same for all parameter groups, or one value a group.
public enum PerGroup: Sendable, Codable, Hashable, ExpressibleByFloatLiteral, ExpressibleByArrayLiteral {
  /// The same for all groups.
  case all(Double)
  /// One a group, in their order.
  case each([Double])

  /// The same for all groups.
  public init(floatLiteral value: Double) { self = .all(value) }

  /// One a group, in their order.
  public init(arrayLiteral elements: Double...) { self = .each(elements) }

  /// The value of each of `count` groups; `setting` is the name for the error where there are more or fewer.
  func values(count: Int, setting: String) throws(ScheduleError) -> [Double] {
    switch self {
    case .all(let value): return Array(repeating: value, count: count)
    case .each(let values):
      guard values.count == count else {
        throw .groupCount(setting: setting, expected: count, actual: values.count)
      }
      return values
    }
  }

  func check(_ schedule: String, _ setting: String) throws(ScheduleError) {
    let values =
      switch self {
      case .all(let value): [value]
      case .each(let values): values
      }
    for value in values { try ScheduleError.requireNonNegative(value, schedule, setting) }
  }
}
