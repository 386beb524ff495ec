/// A setting that is the same for all parameter groups, or one value a group.
public enum PerGroup: Sendable, Hashable {
  /// The same for all groups.
  case all(Double)
  /// One a group, in their order.
  case each([Double])

  subscript(group: Int) -> Double {
    switch self {
    case .all(let value): value
    case .each(let values): values[group]
    }
  }

  /// Throws unless there is a value for each of `count` groups; `setting` is the name in the error.
  func check(count: Int, setting: String) throws(ScheduleError) {
    if case .each(let values) = self { try ScheduleError.requireGroups(setting, count, values.count) }
  }

  /// The value for all groups, or one per group.
  var values: [Double] {
    switch self {
    case .all(let value): [value]
    case .each(let values): values
    }
  }
}

extension [Double] {
  /// η ← max(f η, η_min) of each group's rate, except of those that would change by no more than `epsilon`.
  mutating func reduce(by factor: Double, to minimumRate: PerGroup, epsilon: Double) {
    for (group, rate) in enumerated() {
      let reduced = Swift.max(rate * factor, minimumRate[group])
      if rate - reduced > epsilon { self[group] = reduced }
    }
  }
}

extension PerGroup: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
  /// The same for all groups.
  public init(floatLiteral value: Double) { self = .all(value) }

  /// The same for all groups.
  public init(integerLiteral value: Int) { self = .all(Double(value)) }

  /// Creates one a group, in their order.
  public init(arrayLiteral elements: Double...) { self = .each(elements) }
}

/// As a number, or as a list of them.
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
