/// The value of a schedule's option in a configuration: any value of JSON.
public enum ScheduleOption: Sendable, Hashable {
  /// The default, as if the option were omitted.
  case null
  /// True or false.
  case bool(Bool)
  /// A whole number.
  case int(Int)
  /// A number.
  case double(Double)
  /// A string.
  case string(String)
  /// A list.
  case array([ScheduleOption])
  /// Values by name.
  case object([String: ScheduleOption])
}

extension ScheduleOption: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral
{
  /// `null`.
  public init(nilLiteral: ()) { self = .null }
  /// Creates true or false.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// Creates a whole number.
  public init(integerLiteral value: Int) { self = .int(value) }
  /// Creates a number.
  public init(floatLiteral value: Double) { self = .double(value) }
  /// Creates a string.
  public init(stringLiteral value: String) { self = .string(value) }
  /// Creates a list.
  public init(arrayLiteral elements: ScheduleOption...) { self = .array(elements) }
}

extension ScheduleOption: Codable {
  /// Decodes any value.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int.self) {
      self = .int(value)
    } else if let value = try? container.decode(Double.self) {
      self = .double(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([ScheduleOption].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: ScheduleOption].self))
    }
  }

  /// Encodes the value without its case.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .int(let value): try container.encode(value)
    case .double(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }
}

extension ScheduleOption: CustomStringConvertible {
  /// The value as it is written on a command line.
  public var description: String {
    switch self {
    case .null: "none"
    case .bool(let value): "\(value)"
    case .int(let value): "\(value)"
    case .double(let value): "\(value)"
    case .string(let value): value
    case .array(let values): values.map(\.description).joined(separator: ",")
    case .object(let values): "\(values)"
    }
  }

  /// Parses the format of ``description``: a number, `true` or `false`, `none`, values separated by commas as a
  /// list, and anything else as a string.
  package init(text: String) {
    if text.contains(",") {
      let elements = text.split(separator: ",", omittingEmptySubsequences: true)
      self = .array(elements.map { ScheduleOption(text: String($0)) })
    } else if let value = Int(text) {
      self = .int(value)
    } else if let value = Double(text) {
      self = .double(value)
    } else {
      self =
        switch text {
        case "true": .bool(true)
        case "false": .bool(false)
        case "none", "null": .null
        default: .string(text)
        }
    }
  }
}
