extension SafetensorsHeader {
  /// The bytes that a file with this header begins with: length, JSON, and spaces up to a multiple of 8.
  ///
  /// The same bytes as the Python package writes for the same tensors and up to one metadata entry. It writes
  /// several in an order that changes from run to run; here they are sorted by the bytes of their keys.
  ///
  /// - Throws: ``SafetensorsError`` if the header is longer than ``byteCountLimit``.
  public func serialized() throws(SafetensorsError) -> [UInt8] {
    var json = "{"
    if !metadata.isEmpty {
      json += "\"\(Self.metadataKey)\":{"
      let sorted = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      for (index, (key, value)) in sorted.enumerated() {
        if index > 0 { json += "," }
        Self.appendQuoted(key, to: &json)
        json += ":"
        Self.appendQuoted(value, to: &json)
      }
      json += tensors.isEmpty ? "}" : "},"
    }
    for (index, tensor) in tensors.enumerated() {
      if index > 0 { json += "," }
      Self.appendQuoted(tensor.name, to: &json)
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let range = tensor.byteRange
      json += ":{\"dtype\":\"\(tensor.scalarType)\",\"shape\":[\(shape)],"
      json += "\"data_offsets\":[\(range.lowerBound),\(range.upperBound)]}"
    }
    json += "}"

    let byteCount = (json.utf8.count + 7) & ~7
    guard byteCount <= Self.byteCountLimit else {
      throw SafetensorsError(.headerTooLong(byteCount: UInt64(byteCount)))
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.lengthByteCount + byteCount)
    for place in 0..<Self.lengthByteCount {
      bytes.append(UInt8(truncatingIfNeeded: byteCount >> (8 * place)))
    }
    bytes += json.utf8
    bytes += repeatElement(UInt8(ascii: " "), count: byteCount - json.utf8.count)
    return bytes
  }

  /// Appends `text` as a JSON string, escaping what JSON requires and nothing else.
  private static func appendQuoted(_ text: String, to json: inout String) {
    json += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": json += "\\\""
      case "\\": json += "\\\\"
      case "\u{8}": json += "\\b"
      case "\t": json += "\\t"
      case "\n": json += "\\n"
      case "\u{C}": json += "\\f"
      case "\r": json += "\\r"
      case "\0"..<" ":
        json += scalar.value < 0x10 ? "\\u000" : "\\u00"
        json += String(scalar.value, radix: 16)
      default: json.unicodeScalars.append(scalar)
      }
    }
    json += "\""
  }
}
