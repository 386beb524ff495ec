/// A schedule that is decoded by an initializer with the same checks as its public initializer.
protocol CheckedSettings: LearningRateSchedule {
  associatedtype CodingKeys: CodingKey

  init(_ settings: KeyedDecodingContainer<CodingKeys>) throws
}

extension CheckedSettings {
  /// Decodes the settings, and checks them as the public initializer does.
  public init(from decoder: any Decoder) throws {
    try self.init(decoder.container(keyedBy: CodingKeys.self))
  }
}

extension KeyedDecodingContainer {
  /// The value of a required key.
  subscript<Value: Decodable>(key: Key) -> Value { get throws { try decode(Value.self, forKey: key) } }

  /// The value of an optional key.
  subscript<Value: Decodable>(optional key: Key) -> Value? {
    get throws { try decodeIfPresent(Value.self, forKey: key) }
  }

  /// Returns the choice for a required key.
  func choice<Choice: NamedChoice>(_ key: Key) throws -> Choice {
    let name: String = try self[key]
    if let choice = Choice(rawValue: name) { return choice }
    throw Choice.unknown(name)
  }
}

/// A choice that throws an error of transformers for an unknown name.
protocol NamedChoice: RawRepresentable<String>, Decodable {
  static func unknown(_ name: String) -> ScheduleError
}
