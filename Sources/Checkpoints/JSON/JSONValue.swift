/// Any JSON, with its numbers as they were written.
package enum JSONValue: Sendable, Hashable {
  case null
  case bool(Bool)
  /// A number without a fraction, other than −0, which an integer cannot tell from 0.
  case integer(Int64)
  /// An integer above those.
  case unsigned(UInt64)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])
}

extension JSONValue: Codable {
  package init(from decoder: any Decoder) throws {
    if let object = try? decoder.container(keyedBy: Key.self) {
      var members: [String: JSONValue] = [:]
      for key in object.allKeys { members[key.stringValue] = try object.decode(JSONValue.self, forKey: key) }
      self = .object(members)
    } else if var array = try? decoder.unkeyedContainer() {
      var elements: [JSONValue] = []
      while !array.isAtEnd { elements.append(try array.decode(JSONValue.self)) }
      self = .array(elements)
    } else {
      let value = try decoder.singleValueContainer()
      if value.decodeNil() {
        self = .null
      } else if let bool = try? value.decode(Bool.self) {
        self = .bool(bool)
      } else if let string = try? value.decode(String.self) {
        self = .string(string)
      } else {
        self = try Self.number(in: value)
      }
    }
  }

  private static func number(in value: any SingleValueDecodingContainer) throws -> JSONValue {
    if let integer = try? value.decode(Int64.self) {
      if integer == 0, try value.decode(Double.self).sign == .minus { return .number(-0.0) }
      return .integer(integer)
    }
    if let unsigned = try? value.decode(UInt64.self) { return .unsigned(unsigned) }
    return .number(try value.decode(Double.self))
  }

  package func encode(to encoder: any Encoder) throws {
    switch self {
    case .object(let members):
      var object = encoder.container(keyedBy: Key.self)
      for (name, member) in members { try object.encode(member, forKey: Key(name)) }
    case .array(let elements):
      var array = encoder.unkeyedContainer()
      for element in elements { try array.encode(element) }
    case .null: try encodeSingle(String?.none, to: encoder)
    case .bool(let value): try encodeSingle(value, to: encoder)
    case .integer(let value): try encodeSingle(value, to: encoder)
    case .unsigned(let value): try encodeSingle(value, to: encoder)
    case .number(let value): try encodeSingle(value, to: encoder)
    case .string(let value): try encodeSingle(value, to: encoder)
    }
  }

  private func encodeSingle(_ value: some Encodable, to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(value)
  }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}
