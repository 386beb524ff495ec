extension SafetensorsHeader {
  /// Returns the first bytes of a file with this header: length, JSON, and spaces up to a multiple of 8.
  ///
  /// They are the bytes that the Python package writes for the same tensors and up to one metadata entry.
  /// Python writes several entries in an order that changes from run to run; here, they are sorted by the
  /// bytes of their keys.
  ///
  /// - Throws: ``SafetensorsError`` if the header is longer than ``byteCountLimit``.
  public func serialized() throws(SafetensorsError) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let sorted = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      let texts = sorted.map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
      members.append("\"\(Self.metadataKey.text)\":{\(texts.joined(separator: ","))}")
    }
    for tensor in tensors {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let offsets = "\(tensor.byteRange.lowerBound),\(tensor.byteRange.upperBound)"
      let type = "\"dtype\":\"\(tensor.scalarType)\""
      let entry = "{\(type),\"shape\":[\(shape)],\"data_offsets\":[\(offsets)]}"
      members.append("\(Self.quoted(tensor.name)):\(entry)")
    }
    let json = "{\(members.joined(separator: ","))}"

    let byteCount = (json.utf8.count + 7) & ~7
    guard byteCount <= Self.byteCountLimit else {
      throw SafetensorsError(.headerTooLong(byteCount: UInt64(byteCount)))
    }
    var bytes = withUnsafeBytes(of: UInt64(byteCount).littleEndian) { Array($0) }
    bytes += json.utf8
    bytes += repeatElement(UInt8(ascii: " "), count: byteCount - json.utf8.count)
    return bytes
  }

  /// Returns `text` as a JSON string, escaping only what JSON requires.
  private static func quoted(_ text: String) -> String {
    var json = "\""
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
    return json + "\""
  }
}
