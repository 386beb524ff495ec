/// Checks of settings for initializers. Each check throws
/// ``ScheduleError/invalidSetting(schedule:setting:value:requirement:)``.
extension ScheduleError {
  static func require(
    _ holds: Bool, _ schedule: String, _ setting: String, _ value: some Any, _ requirement: String
  ) throws(ScheduleError) {
    guard holds else {
      throw .invalidSetting(schedule: schedule, setting: setting, value: "\(value)", requirement: requirement)
    }
  }

  /// The maximum count. Up to this number, `Double` holds every step exactly, and sums of counts don't overflow.
  private static let greatestCount = 1 << 53

  static func requireCount(
    _ value: Int, _ schedule: String, _ setting: String, atLeast minimum: Int = 0
  ) throws(ScheduleError) {
    try require(value >= minimum, schedule, setting, value, "must be at least \(minimum)")
    try require(value <= greatestCount, schedule, setting, value, "must be at most \(greatestCount)")
  }

  /// The maximum of settings and rates. Sums and doubles of it are finite.
  private static let greatestNumber = 1e300

  static func requireNonNegative(_ value: Double, _ schedule: String, _ setting: String) throws(ScheduleError)
  {
    try require(value >= 0 && value.isFinite, schedule, setting, value, "must be finite and not negative")
    try require(value <= greatestNumber, schedule, setting, value, "must be at most \(greatestNumber)")
  }

  /// Throws ``groupCount(setting:expected:actual:)`` unless the numbers are equal.
  static func requireGroups(_ setting: String, _ expected: Int, _ actual: Int) throws(ScheduleError) {
    guard actual == expected else { throw .groupCount(setting: setting, expected: expected, actual: actual) }
  }
}

extension LearningRateSchedule {
  static func require(
    _ holds: Bool, _ setting: String, _ value: some Any, _ requirement: String
  ) throws(ScheduleError) { try ScheduleError.require(holds, name, setting, value, requirement) }

  static func requireCounts(
    _ counts: KeyValuePairs<String, Int>, atLeast minimum: Int = 0
  ) throws(ScheduleError) {
    for (setting, count) in counts { try ScheduleError.requireCount(count, name, setting, atLeast: minimum) }
  }

  static func requireNonNegative(_ values: KeyValuePairs<String, Double>) throws(ScheduleError) {
    for (setting, value) in values { try ScheduleError.requireNonNegative(value, name, setting) }
  }

  static func requirePositive(_ values: KeyValuePairs<String, Double>) throws(ScheduleError) {
    for (setting, value) in values {
      try require(value > 0 && value.isFinite, setting, value, "must be finite and greater than 0")
      try ScheduleError.requireNonNegative(value, name, setting)
    }
  }
}
