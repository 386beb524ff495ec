/// Reads comma-separated values as RFC 4180 has them: quoted fields may hold delimiters, line breaks and doubled quotes.
///
/// Lines end with LF, CR LF or CR; blank lines are skipped, a byte-order mark at the start is too. Spaces around an
/// unquoted field are not part of it.
struct CSVReader {
  /// One record: the line that it begins on, counted from 1, and its fields.
  struct Record: Equatable {
    let line: Int
    let fields: [String]
  }

  private let path: String
  private let delimiter: UInt8
  private let bytes: [UInt8]
  private var position: Int
  private var line = 1

  /// A reader of the bytes of a file; its path is for messages.
  init(_ bytes: [UInt8], path: String, delimiter: UInt8 = UInt8(ascii: ",")) {
    self.bytes = bytes
    self.path = path
    self.delimiter = delimiter
    position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  /// The next record, or nil at the end.
  mutating func next() throws(TableError) -> Record? {
    skipBlankLines()
    guard position < bytes.count else { return nil }
    let first = line
    var fields: [String] = []
    while true {
      fields.append(try field(column: fields.count + 1))
      guard position < bytes.count, bytes[position] == delimiter else { break }
      position += 1
    }
    skipLineEnd()
    return Record(line: first, fields: fields)
  }

  private mutating func field(column: Int) throws(TableError) -> String {
    let start = skippingSpaces(from: position)
    if start < bytes.count, bytes[start] == Self.quote {
      position = start + 1
      return try quotedField(column: column)
    }
    var end = position
    while end < bytes.count, bytes[end] != delimiter, !Self.isLineEnd(bytes[end]) { end += 1 }
    var last = end
    while last > start, Self.isSpace(bytes[last - 1]) { last -= 1 }
    position = end
    return try text(bytes[min(start, last)..<last], line: line, column: column)
  }

  private mutating func quotedField(column: Int) throws(TableError) -> String {
    let firstLine = line
    var content: [UInt8] = []
    while true {
      guard position < bytes.count else {
        throw TableError(path, line: firstLine, column: column, .unterminatedQuote)
      }
      let byte = bytes[position]
      position += 1
      if byte == Self.quote {
        guard position < bytes.count, bytes[position] == Self.quote else { break }
        position += 1
      } else if Self.isLineEnd(byte) {
        position -= 1
        let before = position
        skipLineEnd()
        content += bytes[before..<position]
        continue
      }
      content.append(byte)
    }
    position = skippingSpaces(from: position)
    guard position == bytes.count || bytes[position] == delimiter || Self.isLineEnd(bytes[position]) else {
      throw TableError(path, line: line, column: column, .textAfterQuote)
    }
    return try text(content[...], line: firstLine, column: column)
  }

  private func text(_ bytes: ArraySlice<UInt8>, line: Int, column: Int) throws(TableError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw TableError(path, line: line, column: column, .notUTF8)
    }
    return text
  }

  // MARK: Lines and spaces

  private mutating func skipBlankLines() {
    while true {
      let end = skippingSpaces(from: position)
      if end == bytes.count {
        position = end
        return
      }
      guard Self.isLineEnd(bytes[end]) else { return }
      position = end
      skipLineEnd()
    }
  }

  private mutating func skipLineEnd() {
    guard position < bytes.count else { return }
    let isPair =
      bytes[position] == Self.carriageReturn && bytes.dropFirst(position + 1).first == Self.lineFeed
    position += isPair ? 2 : 1
    line += 1
  }

  private func skippingSpaces(from start: Int) -> Int {
    var end = start
    while end < bytes.count, Self.isSpace(bytes[end]), bytes[end] != delimiter { end += 1 }
    return end
  }

  private static let quote = UInt8(ascii: "\"")
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")
  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
  }
  private static func isLineEnd(_ byte: UInt8) -> Bool { byte == lineFeed || byte == carriageReturn }
}
