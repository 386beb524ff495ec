/// A setting that is the same for all parameter groups, or has one value per group.
public enum PerGroup: Sendable, Hashable {
  /// The same value for all groups.
  case all(Double)
  /// One value per group, in the order of the groups.
  case each([Double])

  subscript(group: Int) -> Double {
    switch self {
    case .all(let value): value
    case .each(let values): values[group]
    }
  }

  /// Throws an error unless there is a value for each of `count` groups. The error names `setting`.
  func check(count: Int, setting: String) throws(ScheduleError) {
    if case .each(let values) = self { try ScheduleError.requireGroups(setting, count, values.count) }
  }

  /// The value for all groups, or one value per group.
  var values: [Double] {
    switch self {
    case .all(let value): [value]
    case .each(let values): values
    }
  }
}

extension [Double] {
  /// Sets each group's rate η ← max(f η, η_min), except for rates that would change by no more than `epsilon`.
  mutating func reduce(by factor: Double, to minimumRate: PerGroup, epsilon: Double) {
    for (group, rate) in enumerated() {
      let reduced = Swift.max(rate * factor, minimumRate[group])
      if rate - reduced > epsilon { self[group] = reduced }
    }
  }
}

extension PerGroup: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
  /// Creates the same value for all groups.
  public init(floatLiteral value: Double) { self = .all(value) }

  /// Creates the same value for all groups.
  public init(integerLiteral value: Int) { self = .all(Double(value)) }

  /// Creates one value per group, in the order of the groups.
  public init(arrayLiteral elements: Double...) { self = .each(elements) }
}

/// A number, or a list of numbers.
extension PerGroup: Codable {
  /// Decodes a number for all groups, or a list with one per group.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let value = try? container.decode(Double.self) {
      self = .all(value)
    } else {
      self = .each(try container.decode([Double].self))
    }
  }

  /// Encodes a number for all groups, or a list with one per group.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .all(let value): try container.encode(value)
    case .each(let values): try container.encode(values)
    }
  }
}
