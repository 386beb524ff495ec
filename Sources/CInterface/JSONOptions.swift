import CAdafactor
import Schedules

/// Options from a text in JSON.
///
/// Foundation's decoder would make the wheel link Foundation, and it refuses the words NaN, Infinity and -Infinity. Python
/// writes them. Here they are numbers, so that the option's own check refuses them and names the option.
struct JSONOptions {
  private var bytes: [UInt8]
  private var offset = 0
  private static let nestingLimit = 32

  /// Returns the options in a text; none for nil.
  static func read(_ text: String?) throws(InterfaceError) -> [String: ScheduleOption] {
    guard let text else { return [:] }
    var reader = JSONOptions(bytes: Array(text.utf8))
    let value = try reader.value(depth: 0)
    reader.skipSpace()
    guard reader.offset == reader.bytes.count else { throw reader.malformed("text follows the value") }
    guard case .object(let options) = value else {
      throw InterfaceError(
        ADAFACTOR_INVALID_OPTION, "The options are \(text), but must be a JSON object such as {\"lr\": 1e-3}."
      )
    }
    return options
  }

  private func malformed(_ problem: String) -> InterfaceError {
    InterfaceError(
      ADAFACTOR_INVALID_OPTION,
      "The options are not JSON: \(problem) at byte \(offset) of "
        + "\"\(String(decoding: bytes, as: UTF8.self))\"."
    )
  }

  private mutating func skipSpace() {
    while offset < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[offset]) { offset += 1 }
  }

  private mutating func take(_ text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    guard offset + length <= bytes.count,
      (0..<length).allSatisfy({ bytes[offset + $0] == text.utf8Start[$0] })
    else { return false }
    offset += length
    return true
  }

  private mutating func value(depth: Int) throws(InterfaceError) -> ScheduleOption {
    guard depth <= Self.nestingLimit else { throw malformed("more than \(Self.nestingLimit) levels") }
    skipSpace()
    if take("{") { return .object(try members(depth: depth)) }
    if take("[") { return .array(try elements(depth: depth)) }
    if take("\"") { return .string(try string()) }
    if take("null") { return .null }
    if take("true") { return .bool(true) }
    if take("false") { return .bool(false) }
    if take("NaN") { return .double(.nan) }
    if take("Infinity") { return .double(.infinity) }
    if take("-Infinity") { return .double(-.infinity) }
    return try number()
  }

  private mutating func members(depth: Int) throws(InterfaceError) -> [String: ScheduleOption] {
    var members: [String: ScheduleOption] = [:]
    skipSpace()
    if take("}") { return members }
    while true {
      skipSpace()
      guard take("\"") else { throw malformed("a name is missing") }
      let name = try string()
      skipSpace()
      guard take(":") else { throw malformed("a colon is missing") }
      guard members.updateValue(try value(depth: depth + 1), forKey: name) == nil else {
        throw malformed("\(name) occurs twice")
      }
      skipSpace()
      if take("}") { return members }
      guard take(",") else { throw malformed("a comma or a brace is missing") }
    }
  }

  private mutating func elements(depth: Int) throws(InterfaceError) -> [ScheduleOption] {
    var elements: [ScheduleOption] = []
    skipSpace()
    if take("]") { return elements }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      if take("]") { return elements }
      guard take(",") else { throw malformed("a comma or a bracket is missing") }
    }
  }

  /// Reads a text after its first quote. Names and values of options are ASCII and need no escapes of code points.
  private mutating func string() throws(InterfaceError) -> String {
    var text: [UInt8] = []
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"):
        guard offset < bytes.count,
          [UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/")].contains(bytes[offset])
        else { throw malformed("an escape that no option needs") }
        text.append(bytes[offset])
        offset += 1
      case 0..<0x20: throw malformed("a control character in a text")
      default: text.append(byte)
      }
    }
    throw malformed("a quote is missing")
  }

  private mutating func number() throws(InterfaceError) -> ScheduleOption {
    let start = offset
    func isPart(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains(byte)
    }
    while offset < bytes.count, isPart(bytes[offset]) { offset += 1 }
    let text = String(decoding: bytes[start..<offset], as: UTF8.self)
    if let value = Int(text), text.first != "+" { return .int(value) }
    guard let first = text.first, first == "-" || first.isNumber, let value = Double(text) else {
      offset = start
      throw malformed("a value is missing")
    }
    return .double(value)
  }
}
