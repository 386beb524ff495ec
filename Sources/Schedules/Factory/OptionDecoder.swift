/// A decoder of schedules, and of the options of an optimizer. It throws transformers' errors for options that are missing
/// or have the wrong type.
///
/// A command line cannot tell types apart. Therefore the decoder accepts a whole number as a number, a number
/// without a fraction as a whole number, and a single value as a list of one.
package struct OptionDecoder: Decoder {
  private let value: ScheduleOption
  private let schedule: String
  package let userInfo: [CodingUserInfoKey: Any]
  package let codingPath: [any CodingKey] = []

  package init(_ value: ScheduleOption, schedule: String, userInfo: [CodingUserInfoKey: Any] = [:]) {
    self.value = value
    self.schedule = schedule
    self.userInfo = userInfo
  }

  /// Returns the value that `body` decodes.
  func decode<Result>(_ body: (any Decoder) throws -> Result) throws(ScheduleError) -> Result {
    do { return try body(self) } catch let error as ScheduleError { throw error } catch {
      fatalError("\(schedule) cannot be decoded from options: \(error)")
    }
  }

  package func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard case .object(let options) = value else { throw mismatch(type) }
    return KeyedDecodingContainer(Options(decoder: self, options: options))
  }

  package func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    switch value {
    case .array(let elements): List(decoder: self, elements: elements)
    case .object: throw mismatch([ScheduleOption].self)
    default: List(decoder: self, elements: [value])
    }
  }

  package func singleValueContainer() -> any SingleValueDecodingContainer { self }

  private func at(_ value: ScheduleOption) -> OptionDecoder {
    OptionDecoder(value, schedule: schedule, userInfo: userInfo)
  }

  private func mismatch(_ type: Any.Type) -> DecodingError {
    .typeMismatch(type, .init(codingPath: [], debugDescription: "\(value) is no \(type)"))
  }
}

extension OptionDecoder: SingleValueDecodingContainer {
  package func decodeNil() -> Bool { value == .null }

  // Each generic method satisfies all requirements for single types.
  package func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    let decoded: Any? =
      switch (value, type) {
      case (.bool(let value), is Bool.Type): value
      case (.string(let value), is String.Type): value
      case (.int(let value), let type as any BinaryInteger.Type): type.init(exactly: value)
      case (.int(let value), let type as any BinaryFloatingPoint.Type): type.init(value)
      case (.double(let value), let type as any BinaryInteger.Type): type.init(exactly: value)
      case (.double(let value), let type as any BinaryFloatingPoint.Type): type.init(value)
      default: nil
      }
    if let decoded = decoded as? Value { return decoded }
    // These types decode themselves with this method.
    if type is any Numeric.Type || type is Bool.Type || type is String.Type { throw mismatch(type) }
    return try Value(from: self)
  }
}

extension OptionDecoder {
  private struct Options<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: OptionDecoder
    let options: [String: ScheduleOption]
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { options.keys.compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { options[key.stringValue] != nil }

    func decodeNil(forKey key: Key) -> Bool { options[key.stringValue] ?? .null == .null }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
      guard let value = options[key.stringValue], value != .null else {
        throw ScheduleError.missingArgument(schedule: decoder.schedule, argument: key.stringValue)
      }
      do { return try Value(from: decoder.at(value)) } catch is DecodingError {
        throw ScheduleError.illTypedOption(
          schedule: decoder.schedule, option: key.stringValue, value: value.description,
          expected: expectation(type))
      }
    }

    func nestedContainer<Nested: CodingKey>(
      keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { try superDecoder(forKey: key).container(keyedBy: type) }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
      try superDecoder(forKey: key).unkeyedContainer()
    }

    func superDecoder() -> any Decoder { decoder.at(options["super"] ?? .null) }

    func superDecoder(forKey key: Key) -> any Decoder { decoder.at(options[key.stringValue] ?? .null) }
  }

  private struct List: UnkeyedDecodingContainer {
    let decoder: OptionDecoder
    let elements: [ScheduleOption]
    var currentIndex = 0
    var codingPath: [any CodingKey] { [] }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex == elements.count }

    mutating func decodeNil() -> Bool {
      guard elements[currentIndex] == .null else { return false }
      currentIndex += 1
      return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
      try Value(from: superDecoder())
    }

    mutating func nestedContainer<Nested: CodingKey>(
      keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> { try superDecoder().container(keyedBy: type) }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
      try superDecoder().unkeyedContainer()
    }

    mutating func superDecoder() -> any Decoder {
      defer { currentIndex += 1 }
      return decoder.at(elements[currentIndex])
    }
  }
}

/// Returns the name of an option's type in errors.
private func expectation(_ type: Any.Type) -> String {
  func names<Choice: CaseIterable>(_: Choice.Type) -> [String] {
    Choice.allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
  }
  return switch type {
  case is Int.Type: "a whole number"
  case is Double.Type: "a number"
  case is Bool.Type: "true or false"
  case is String.Type: "a string"
  case is [Int].Type: "a list of whole numbers"
  case is [Double].Type: "a list of numbers"
  case is [String].Type: "a list of strings"
  case is PerGroup.Type: "a number, or a list with one number per parameter group"
  case let choice as any CaseIterable.Type: "one of " + names(choice).joined(separator: ", ")
  case is any RawRepresentable.Type: "a string"
  default: "another type"
  }
}
