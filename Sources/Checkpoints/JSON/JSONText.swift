#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Converts values to JSON and back. Numbers that JSON lacks are strings: "Infinity", "-Infinity", "NaN".
package enum JSONText {
  /// Returns `value` as JSON, with the members of objects sorted by name.
  package static func encode(_ value: some Encodable, indented: Bool = false) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if indented { encoder.outputFormatting.insert(.prettyPrinted) }
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return [UInt8](try encoder.encode(value))
  }

  /// Returns the value that `json` encodes.
  package static func decode<Value: Decodable>(_ type: Value.Type, from json: [UInt8]) throws -> Value {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return try decoder.decode(type, from: Data(json))
  }

  /// Returns the value that a JSON value encodes.
  package static func decode<Value: Decodable>(_ type: Value.Type, from json: JSONValue) throws -> Value {
    try decode(type, from: encode(json))
  }

  /// Returns `value` as JSON that can be put into other JSON.
  package static func value(of value: some Encodable) throws -> JSONValue {
    try decode(JSONValue.self, from: encode(value))
  }

  /// Returns the members of a value that is encoded as an object.
  package static func members(of value: some Encodable) throws -> [String: JSONValue] {
    guard case .object(let members) = try self.value(of: value) else {
      fatalError("\(value) is not encoded as an object")
    }
    return members
  }

  /// Returns a decoding error's problem, in words for the author of the JSON.
  package static func problem(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return "\(error)" }
    let (context, problem): (DecodingError.Context, String?) =
      switch error {
      case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
        (context, "must be \(kind(of: type))")
      case .keyNotFound(let key, let context): (context, "\"\(key.stringValue)\" is missing")
      case .dataCorrupted(let context): (context, nil)
      @unknown default: (DecodingError.Context(codingPath: [], debugDescription: "\(error)"), nil)
      }
    let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
    let place = path.isEmpty ? "" : path.joined(separator: ".") + ": "
    return place + (problem ?? context.debugDescription)
  }

  /// Returns the JSON counterpart of a type, for messages.
  private static func kind(of type: Any.Type) -> String {
    switch type {
    case is any Numeric.Type: "a number"
    case is Bool.Type: "true or false"
    case is String.Type: "a string"
    default: "\(type)".hasPrefix("Dictionary") ? "an object" : "an array"
    }
  }
}
