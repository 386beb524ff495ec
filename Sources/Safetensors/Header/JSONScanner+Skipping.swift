extension JSONScanner {
  /// How deep the values may nest that ``skipValue()`` passes over.
  static let nestingLimit = 64

  /// Passes over one value of any kind.
  ///
  /// What is open stands on a list and not on the call stack, so that a deep file cannot exhaust the latter.
  mutating func skipValue() throws(SafetensorsError) {
    var closers: [Unicode.Scalar] = []
    repeat {
      skipWhitespace()
      let start = offset
      let closer: Unicode.Scalar? = take("{") ? "}" : take("[") ? "]" : nil
      if let closer {
        guard closers.count < Self.nestingLimit else {
          throw malformed("values nest deeper than \(Self.nestingLimit)", at: start)
        }
        skipWhitespace()
        if !take(closer) {
          if closer == "}" { try skipKey() }
          closers.append(closer)
          continue
        }
      } else {
        try skipScalar()
      }
      // A value has ended, and with it all that it was the last element of.
      while let closer = closers.last {
        if try continues(until: closer, in: closer == "}" ? "an object" : "an array") {
          if closer == "}" { try skipKey() }
          break
        }
        closers.removeLast()
      }
    } while !closers.isEmpty
  }

  private mutating func skipKey() throws(SafetensorsError) {
    _ = try string("a key")
    try expect(":", in: "an object")
  }

  private mutating func skipScalar() throws(SafetensorsError) {
    switch next {
    case UInt8(ascii: "\""): _ = try string("a value")
    case UInt8(ascii: "t"): try skipWord("true")
    case UInt8(ascii: "f"): try skipWord("false")
    case UInt8(ascii: "n"): try skipWord("null")
    case UInt8(ascii: "-"): try skipNumber()
    default:
      guard next.flatMap(Self.digit) != nil else { throw malformed("expected a value") }
      try skipNumber()
    }
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
    guard next.flatMap(Self.digit) != nil else { throw malformed("expected a digit") }
    while next.flatMap(Self.digit) != nil { advance() }
  }
}
