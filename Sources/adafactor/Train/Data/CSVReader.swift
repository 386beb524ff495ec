/// Reads comma-separated values according to RFC 4180: quoted fields may hold delimiters, line breaks and
/// doubled quotes.
///
/// Lines end with LF, CR LF or CR. Blank lines and a byte-order mark at the start are skipped. Spaces around
/// an unquoted field are not part of it.
struct CSVReader {
  /// A record: the line on which it begins, counted from 1, and its fields.
  struct Record: Equatable {
    let line: Int
    let fields: [String]
  }

  private let path: String
  private let delimiter: UInt8
  private let bytes: [UInt8]
  private var position: Int
  private var line = 1

  /// Creates a reader of a file's bytes. The path is for messages.
  init(_ bytes: [UInt8], path: String, delimiter: UInt8 = UInt8(ascii: ",")) {
    self.bytes = bytes
    self.path = path
    self.delimiter = delimiter
    position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  /// Returns the next record, or `nil` at the end.
  mutating func next() throws(TableError) -> Record? {
    skipSpaces()
    while let byte, Self.isLineEnd(byte) {
      skipLineEnd()
      skipSpaces()
    }
    guard byte != nil else { return nil }
    let first = line
    var fields: [String] = []
    while true {
      fields.append(try field(column: fields.count + 1))
      guard byte == delimiter else { break }
      position += 1
    }
    skipLineEnd()
    return Record(line: first, fields: fields)
  }

  private mutating func field(column: Int) throws(TableError) -> String {
    skipSpaces()
    if byte == Self.quote {
      position += 1
      return try quotedField(column: column)
    }
    let start = position
    while let byte, byte != delimiter, !Self.isLineEnd(byte) { position += 1 }
    var end = position
    while end > start, Self.isSpace(bytes[end - 1]) { end -= 1 }
    return try text(bytes[start..<end], line: line, column: column)
  }

  private mutating func quotedField(column: Int) throws(TableError) -> String {
    let firstLine = line
    var content: [UInt8] = []
    while true {
      guard let byte else {
        throw TableError(path, line: firstLine, column: column, .unterminatedQuote)
      }
      var start = position
      if Self.isLineEnd(byte) { skipLineEnd() } else { position += 1 }
      if byte == Self.quote {
        guard self.byte == Self.quote else { break }
        // The second of two quotes represents both.
        start = position
        position += 1
      }
      content += bytes[start..<position]
    }
    skipSpaces()
    if let byte, byte != delimiter, !Self.isLineEnd(byte) {
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

  /// The byte at the position, or `nil` at the end.
  private var byte: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipLineEnd() {
    guard let first = byte else { return }
    position += 1
    if first == Self.carriageReturn, byte == Self.lineFeed { position += 1 }
    line += 1
  }

  private mutating func skipSpaces() {
    while let byte, Self.isSpace(byte), byte != delimiter { position += 1 }
  }

  private static let quote = UInt8(ascii: "\"")
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")
  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
  }
  private static func isLineEnd(_ byte: UInt8) -> Bool { byte == lineFeed || byte == carriageReturn }
}
