/// Any JSON value, with its numbers as they were written.
package enum JSONValue: Sendable, Hashable, Codable {
  case null
  case bool(Bool)
  /// A number without a fraction. −0 is not among them: an integer cannot tell it from 0.
  case integer(Int64)
  /// An integer that exceeds `Int64`.
  case unsigned(UInt64)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  package init(from decoder: any Decoder) throws {
    // Containers are tried first, so that an error in their contents names its place.
    if (try? decoder.container(keyedBy: NoKey.self)) != nil {
      self = .object(try [String: JSONValue](from: decoder))
    } else if (try? decoder.unkeyedContainer()) != nil {
      self = .array(try [JSONValue](from: decoder))
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
    case .null: try String?.none.encode(to: encoder)
    case .bool(let value): try value.encode(to: encoder)
    case .integer(let value): try value.encode(to: encoder)
    case .unsigned(let value): try value.encode(to: encoder)
    case .number(let value): try value.encode(to: encoder)
    case .string(let value): try value.encode(to: encoder)
    case .array(let elements): try elements.encode(to: encoder)
    case .object(let members): try members.encode(to: encoder)
    }
  }

  private enum NoKey: CodingKey {}
}
