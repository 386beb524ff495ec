/// The first problem of JSON that Foundation's decoder hides or does not explain: a syntax error, a key that
/// occurs twice in an object, or a number that is too large.
package struct JSONProblem: Error, CustomStringConvertible {
  /// The line, counted from 1.
  package let line: Int
  package let description: String

  private static let nestingLimit = 64

  /// Checks any JSON.
  package static func check(_ json: [UInt8]) throws(JSONProblem) {
    var scanner = JSONScanner(json, 0..<json.count)
    var tooLarge: String?
    do throws(SafetensorsError) {
      try check(&scanner, json, key: nil, depth: 0, &tooLarge)
      scanner.skipWhitespace()
      guard scanner.offset == json.count else { throw scanner.malformed("text follows the value") }
    } catch {
      let (offset, problem) =
        switch error.reason {
        case .malformedHeader(let offset, let problem): (offset, tooLarge ?? "is not JSON: \(problem)")
        case .duplicateName(let name, let offset): (offset, "an object has the key \"\(name)\" twice")
        default: (0, "\(error)")
        }
      let line = 1 + json[..<offset].count { $0 == UInt8(ascii: "\n") }
      throw JSONProblem(line: line, description: problem)
    }
  }

  private static func check(
    _ scanner: inout JSONScanner, _ json: [UInt8], key: String?, depth: Int, _ tooLarge: inout String?
  ) throws(SafetensorsError) {
    guard depth < nestingLimit else { throw scanner.malformed("values nest deeper than \(nestingLimit)") }
    scanner.skipWhitespace()
    if scanner.take("{") {
      var names: Set<[UInt8]> = []
      try scanner.members(of: "an object", key: "a key") { (scanner, name, offset) throws(SafetensorsError) in
        guard names.insert(Array(name.utf8)).inserted else {
          throw SafetensorsError(.duplicateName(name, offset: offset))
        }
        try check(&scanner, json, key: name, depth: depth + 1, &tooLarge)
      }
    } else if scanner.take("[") {
      scanner.skipWhitespace()
      if scanner.take("]") { return }
      repeat {
        try check(&scanner, json, key: key, depth: depth + 1, &tooLarge)
      } while try scanner.continues(until: "]", in: "an array")
    } else {
      let start = scanner.offset
      try scanner.skipValue()
      let text = String(decoding: json[start..<scanner.offset], as: UTF8.self)
      guard Double(text)?.isInfinite != true else {
        tooLarge = "\(key ?? "a number") is \(text), which is too large"
        throw scanner.malformed(text, at: start)
      }
    }
  }
}
