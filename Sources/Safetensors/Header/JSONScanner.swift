import ScalarTypes

/// Reads JSON token by token from bytes in memory, strictly according to RFC 8259.
///
/// Foundation's parser is not used: it silently keeps the last of two equal keys, although the format forbids
/// duplicates; its errors have no position; and it would be the library's only use of Foundation. A header
/// has one fixed shape, so its parser asks for the tokens that may come next and never builds a tree. Nothing
/// here recurses except ``skipValue(depth:)``, down to ``nestingLimit``.
struct JSONScanner {
  private let bytes: [UInt8]
  private let end: Int
  /// The index in `bytes` of the next byte to read, which is also its offset in the file.
  private(set) var offset: Int

  /// Creates a scanner of the bytes of a file in `range`.
  init(_ bytes: [UInt8], _ range: Range<Int>) {
    self.bytes = bytes
    offset = range.lowerBound
    end = range.upperBound
  }

  private var next: UInt8? { offset < end ? bytes[offset] : nil }

  /// The value of the next byte as a digit, or `nil` if it is not a digit.
  private var nextDigit: Int? {
    next.flatMap { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) ? Int($0 & 0xF) : nil }
  }

  /// Returns the error for a problem at `offset`, or at the next byte.
  func malformed(_ problem: String, at offset: Int? = nil) -> SafetensorsError {
    SafetensorsError(.malformedHeader(offset: offset ?? self.offset, problem: problem))
  }

  /// Skips whitespace between tokens.
  mutating func skipWhitespace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
  }

  /// Skips the next byte if it is this character, and returns whether it was.
  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  /// Skips whitespace, this character, and the whitespace after it.
  mutating func expect(
    _ character: Unicode.Scalar, in context: @autoclosure () -> String
  ) throws(SafetensorsError) {
    skipWhitespace()
    guard take(character) else { throw malformed("expected \"\(character)\" in \(context())") }
    skipWhitespace()
  }

  /// Reads an object whose opening brace has been read, and refuses names with the same bytes unless they may
  /// repeat.
  ///
  /// `value` is called with each name and its offset, and reads the value after the colon.
  mutating func members(
    of context: @autoclosure () -> String, key: @autoclosure () -> String, namesMayRepeat: Bool = false,
    _ value: (inout JSONScanner, _ name: String, _ offset: Int) throws(SafetensorsError) -> Void
  ) throws(SafetensorsError) {
    skipWhitespace()
    guard !take("}") else { return }
    var names: Set<ExactString> = []
    repeat {
      let offset = offset
      let name = try string(key())
      guard namesMayRepeat || names.insert(ExactString(name)).inserted else {
        throw SafetensorsError(.duplicateName(name, offset: offset))
      }
      try expect(":", in: context())
      try value(&self, name, offset)
    } while try continues(until: "}", in: context())
  }

  /// Reads the separator after an element of an array or object. Returns `true` for a comma, `false` for the
  /// end.
  mutating func continues(
    until close: Unicode.Scalar, in context: @autoclosure () -> String
  ) throws(SafetensorsError) -> Bool {
    skipWhitespace()
    if take(",") {
      skipWhitespace()
      return true
    }
    guard take(close) else { throw malformed("expected \",\" or \"\(close)\" in \(context())") }
    return false
  }

  /// Checks that only spaces follow.
  mutating func expectPaddingToEnd() throws(SafetensorsError) {
    while take(" ") {}
    guard offset == end else { throw malformed("only spaces may follow the header's object") }
  }

  /// Returns the integers of an array, which are non-negative and fit in `Int`.
  mutating func counts(_ context: @autoclosure () -> String) throws(SafetensorsError) -> [Int] {
    try expect("[", in: context())
    var counts: [Int] = []
    guard !take("]") else { return counts }
    // Counted first, because an array that grows takes up to three times the memory.
    let rest = bytes[offset..<end].prefix { $0 != UInt8(ascii: "]") }
    counts.reserveCapacity(1 + rest.count { $0 == UInt8(ascii: ",") })
    repeat {
      counts.append(try count(context()))
    } while try continues(until: "]", in: context())
    return counts
  }

  /// Returns a non-negative integer that fits in `Int`, without fraction or exponent.
  mutating func count(_ context: @autoclosure () -> String) throws(SafetensorsError) -> Int {
    let start = offset
    var value = 0
    while let digit = nextDigit {
      let (product, first) = value.multipliedReportingOverflow(by: 10)
      let (sum, second) = product.addingReportingOverflow(digit)
      guard !first, !second else { throw malformed("\(context()) exceeds \(Int.max)", at: start) }
      value = sum
      offset += 1
    }
    let isWhole = next.map { $0 != UInt8(ascii: ".") && $0 | 0x20 != UInt8(ascii: "e") } ?? true
    let hasLeadingZero = offset - start > 1 && bytes[start] == UInt8(ascii: "0")
    guard offset > start, isWhole, !hasLeadingZero else {
      throw malformed("\(context()) must be a non-negative integer in plain digits", at: start)
    }
    return value
  }

  /// Returns a string with its escapes replaced.
  mutating func string(_ context: @autoclosure () -> String) throws(SafetensorsError) -> String {
    let start = offset
    guard take("\"") else { throw malformed("expected \(context()), a string") }
    var text: [UInt8] = []
    var runStart = offset
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        text += bytes[runStart..<offset]
        offset += 1
        guard let string = String(validating: text, as: UTF8.self) else {
          throw malformed("\(context()) is not valid UTF-8", at: start)
        }
        return string
      case UInt8(ascii: "\\"):
        text += bytes[runStart..<offset]
        offset += 1
        text += String(try escapedScalar()).utf8
        runStart = offset
      case 0..<0x20:
        throw malformed("a control character in a string must be escaped")
      default:
        offset += 1
      }
    }
    throw malformed("\(context()) is not closed", at: start)
  }

  /// Returns the character of an escape. The backslash has been read.
  private mutating func escapedScalar() throws(SafetensorsError) -> Unicode.Scalar {
    let start = offset - 1
    guard let byte = next else { throw malformed("an escape is cut off", at: start) }
    offset += 1
    switch Unicode.Scalar(byte) {
    case "\"", "\\", "/": return Unicode.Scalar(byte)
    case "b": return "\u{8}"
    case "f": return "\u{C}"
    case "n": return "\n"
    case "r": return "\r"
    case "t": return "\t"
    case "u":
      let unit = try hexadecimalUnit()
      if let scalar = Unicode.Scalar(unit) { return scalar }
      // One half of a surrogate pair: the other half must be the next escape.
      if UTF16.isLeadSurrogate(unit), take("\\"), take("u") {
        let trail = try hexadecimalUnit()
        if UTF16.isTrailSurrogate(trail) { return UTF16.decode(UTF16.EncodedScalar([unit, trail])) }
      }
      throw malformed("an escape encodes half a character", at: start)
    default:
      throw malformed("unknown escape", at: start)
    }
  }

  private mutating func hexadecimalUnit() throws(SafetensorsError) -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw malformed("expected four hexadecimal digits")
      }
      unit = unit << 4 | UInt16(digit)
      offset += 1
    }
    return unit
  }

  // MARK: Skipping

  /// The maximum nesting depth of skipped values, so that no file can exhaust the stack.
  private static let nestingLimit = 128

  /// Skips one value of any kind.
  mutating func skipValue(depth: Int = 0) throws(SafetensorsError) {
    skipWhitespace()
    let start = offset
    let closer: Unicode.Scalar? = take("{") ? "}" : take("[") ? "]" : nil
    guard let closer else { return try skipScalar() }
    guard depth < Self.nestingLimit else {
      throw malformed("values nest deeper than \(Self.nestingLimit)", at: start)
    }
    skipWhitespace()
    if take(closer) { return }
    let context = closer == "}" ? "an object" : "an array"
    repeat {
      if closer == "}" {
        _ = try string("a key")
        try expect(":", in: context)
      }
      try skipValue(depth: depth + 1)
    } while try continues(until: closer, in: context)
  }

  private mutating func skipScalar() throws(SafetensorsError) {
    switch next {
    case UInt8(ascii: "\""): _ = try string("a value")
    case UInt8(ascii: "t"): try skipWord("true")
    case UInt8(ascii: "f"): try skipWord("false")
    case UInt8(ascii: "n"): try skipWord("null")
    case UInt8(ascii: "-"): try skipNumber()
    default:
      guard nextDigit != nil else { throw malformed("expected a value") }
      try skipNumber()
    }
  }

  /// Skips a null if it is next, and returns whether it was.
  mutating func takeNull() throws(SafetensorsError) -> Bool {
    guard next == UInt8(ascii: "n") else { return false }
    try skipWord("null")
    return true
  }

  private mutating func skipWord(_ word: String) throws(SafetensorsError) {
    let start = offset
    for character in word.unicodeScalars where !take(character) {
      throw malformed("expected \(word)", at: start)
    }
  }

  private mutating func skipNumber() throws(SafetensorsError) {
    _ = take("-")
    if !take("0") { try skipDigits() }
    if take(".") { try skipDigits() }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      try skipDigits()
    }
  }

  private mutating func skipDigits() throws(SafetensorsError) {
    guard nextDigit != nil else { throw malformed("expected a digit") }
    while nextDigit != nil { offset += 1 }
  }
}
