/// The names of options in errors: either the names in Swift, or the keys in settings.
enum OptionNaming {
  case swift, settings

  /// Returns the name of an option. If several options share a key, the option is the number at `index`.
  func callAsFunction(_ name: String, _ key: some CodingKey, _ index: Int? = nil) -> String {
    switch self {
    case .swift: name
    case .settings: key.stringValue + (index.map { "[\($0)]" } ?? "")
    }
  }
}

extension OptimizerError {
  /// Throws ``invalidOption(name:value:requirement:)`` unless `holds`.
  public static func require(
    _ holds: Bool, _ name: String, _ value: Double, _ requirement: String
  ) throws(OptimizerError) {
    guard holds else { throw .invalidOption(name: name, value: "\(value)", requirement: requirement) }
  }

  /// Throws ``invalidOption(name:value:requirement:)`` unless `value` is finite and at least 0.
  public static func requireNotNegative(_ value: Double, _ name: String) throws(OptimizerError) {
    try require(value >= 0 && value.isFinite, name, value, "it must be finite and not negative")
  }

  /// Throws ``invalidOption(name:value:requirement:)`` unless `value` can be the weight of an average: at least 0 and below 1.
  public static func requireAveraging(_ value: Double, _ name: String) throws(OptimizerError) {
    try require(value >= 0 && value < 1, name, value, "it must be in 0 ..< 1")
  }
}

extension Decoder {
  /// Returns the settings under the names of `Keys`.
  ///
  /// - Throws: `OptimizerError.unknownOption` for any other name.
  func settings<Keys: CodingKey & CaseIterable>(_ keys: Keys.Type) throws -> KeyedDecodingContainer<Keys> {
    try requireSettings(keys.allCases.map(\.stringValue))
    return try container(keyedBy: keys)
  }

  /// Throws `OptimizerError.unknownOption` for a setting with a name other than these.
  func requireSettings(_ known: [String]) throws {
    let given = try container(keyedBy: AnyKey.self).allKeys.map(\.stringValue)
    if let unknown = given.sorted().first(where: { !known.contains($0) }) {
      throw OptimizerError.unknownOption(name: unknown, known: known)
    }
  }
}

extension KeyedDecodingContainer {
  /// Sets `value` to a setting, unless the setting is missing.
  func decodeIfPresent<Value: Decodable>(_ key: Key, into value: inout Value) throws {
    if let setting = try decodeIfPresent(Value.self, forKey: key) { value = setting }
  }

  /// Returns two numbers, or nil if the setting is missing.
  ///
  /// - Parameter meanings: The meanings of the two numbers, for the error.
  /// - Throws: `OptimizerError.invalidOption` for another count.
  func decodePairIfPresent(_ key: Key, meanings: String) throws -> (Double, Double)? {
    guard let values = try decodeIfPresent([Double].self, forKey: key) else { return nil }
    guard values.count == 2 else {
      throw OptimizerError.invalidOption(
        name: key.stringValue, value: "\(values)", requirement: "it takes two numbers, \(meanings)")
    }
    return (values[0], values[1])
  }
}

extension KeyedEncodingContainer {
  /// Encodes a setting that a reference does not have, unless it has its default, so that the reference accepts the settings.
  mutating func encode<Value: Encodable & Equatable>(
    _ value: Value, forKey key: Key, unless standard: Value
  ) throws {
    if value != standard { try encode(value, forKey: key) }
  }
}

/// A key with any name.
private struct AnyKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init?(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}
