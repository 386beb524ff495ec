/// A number that is encoded exactly. Infinities and NaN, which JSON does not have, are encoded as strings.
struct ExactDouble: Sendable, Codable, Equatable {
  var value: Double

  init(_ value: Double) { self.value = value }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let text = try? container.decode(String.self) {
      guard let value = Double(text) else {
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is not a number")
      }
      self.value = value
    } else {
      value = try container.decode(Double.self)
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if value.isFinite { try container.encode(value) } else { try container.encode("\(value)") }
  }

  /// Returns whether both are the same number, or both are NaN.
  static func == (left: ExactDouble, right: ExactDouble) -> Bool {
    left.value == right.value || (left.value.isNaN && right.value.isNaN)
  }
}
