/// A schedule that is decoded by an initializer, which checks the settings as the public one does.
protocol CheckedSettings: LearningRateSchedule {
  associatedtype CodingKeys: CodingKey

  init(_ settings: KeyedDecodingContainer<CodingKeys>) throws
}

extension CheckedSettings {
  /// Decodes the settings, and checks them as the other initializer does.
  public init(from decoder: any Decoder) throws {
    try self.init(decoder.container(keyedBy: CodingKeys.self))
  }
}

extension KeyedDecodingContainer {
  /// The value of a key that must be there.
  subscript<Value: Decodable>(key: Key) -> Value { get throws { try decode(Value.self, forKey: key) } }

  /// The value of a key that may be missing.
  subscript<Value: Decodable>(optional key: Key) -> Value? {
    get throws { try decodeIfPresent(Value.self, forKey: key) }
  }

  /// The choice of a key that must be there.
  func choice<Choice: NamedChoice>(_ key: Key) throws -> Choice {
    let name: String = try self[key]
    if let choice = Choice(rawValue: name) { return choice }
    throw Choice.unknown(name)
  }
}

/// A choice whose unknown names have an error of transformers.
protocol NamedChoice: RawRepresentable<String>, Decodable {
  static func unknown(_ name: String) -> ScheduleError
}
