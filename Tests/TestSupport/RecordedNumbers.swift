import Foundation

/// A number of a reference file, or one of the strings "NaN", "Infinity" and "-Infinity".
package struct RecordedNumber: Decodable, Sendable {
  /// The number.
  package let value: Double

  /// Reads a number or a string.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    value = try (try? container.decode(Double.self)) ?? Double(container.decode(String.self))!
  }
}

/// Little-endian Float32 values of a reference file, in base64.
package struct Base64Floats: Decodable, Sendable {
  /// The values.
  package let values: [Float]

  /// Reads a string in base64.
  package init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    let data = Data(base64Encoded: text)!
    values = stride(from: 0, to: data.count, by: 4).map { offset in
      Float(bitPattern: data[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
    }
  }
}
