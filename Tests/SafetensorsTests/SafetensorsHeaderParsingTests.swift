import Foundation
import Safetensors
import TestSupport
import Testing

/// Returns the error with which these bytes are refused as a file.
private func refusal(_ bytes: [UInt8]) -> SafetensorsError? {
  do throws(SafetensorsError) {
    _ = try SafetensorsHeader(fileBytes: bytes)
    return nil
  } catch {
    return error
  }
}

private func refusal(_ json: String, data: [UInt8] = []) -> String? {
  refusal(file(json, data: data))?.description
}

@Suite struct SafetensorsHeaderParsingTests {
  // MARK: Accepted headers

  @Test func `Tensors are listed with name, type, shape and byte range`() throws {
    let json = "{\(entry("a", "F32", "[2,3]", "[0,24]")),\(entry("b", "I8", "[]", "[24,25]"))}"
    let header = try SafetensorsHeader(fileBytes: file(json, data: Array(repeating: 0, count: 25)))
    #expect(header.tensors.map(\.name) == ["a", "b"])
    #expect(header.tensors.map(\.scalarType) == [.float32, .int8])
    #expect(header.tensors.map(\.shape) == [[2, 3], []])
    #expect(header.tensors.map(\.byteRange) == [0..<24, 24..<25])
    #expect(header.tensors.map(\.elementCount) == [6, 1])
    #expect(header.dataByteCount == 25)
    #expect(header.metadata.isEmpty)
    #expect(header.tensor(named: "b")?.scalarType == .int8)
    #expect(header.tensor(named: "c") == nil)
  }

  @Test func `A header in another order than the data is put in the data's order`() throws {
    let json = "{\(entry("b", "U8", "[3]", "[1,4]")),\(entry("a", "U8", "[1]", "[0,1]"))}"
    let header = try SafetensorsHeader(fileBytes: file(json, data: [0, 0, 0, 0]))
    #expect(header.tensors.map(\.name) == ["a", "b"])
  }

  @Test func `White space, escapes, unknown members and padding with spaces are read`() throws {
    let json = """
      { "\\u0061\\ud83e\\udd94\\n\\/" :\t{"dtype" : "U8", "later": [{"x": [-1.5e+3, true, null]}, [], {}],
       "shape": [ 1 , 1 ], "d\\u0061ta_offsets":[0,1] }, "__metadata__": { "k" : "v" } }  \("")
      """
    let header = try SafetensorsHeader(fileBytes: file(json, data: [7]))
    #expect(header.tensors.map(\.name) == ["a🦔\n/"])
    #expect(header.tensors.map(\.shape) == [[1, 1]])
    #expect(header.metadata == ["k": "v"])
  }

  @Test func `Names that differ only in Unicode normal form are different names`() throws {
    let json = "{\(entry("\u{E9}", "U8", "[]", "[0,1]")),\(entry("e\u{301}", "U8", "[]", "[1,2]"))}"
    let header = try SafetensorsHeader(fileBytes: file(json, data: [0, 0]))
    #expect(header.tensor(named: "\u{E9}")?.byteRange == 0..<1)
    #expect(header.tensor(named: "e\u{301}")?.byteRange == 1..<2)
  }

  @Test func `A key in the metadata may be a tensor's name`() throws {
    let json = "{\"__metadata__\":{\"a\":\"\"},\(entry("a", "U8", "[0]", "[0,0]"))}"
    #expect(try SafetensorsHeader(fileBytes: file(json)).tensors.map(\.name) == ["a"])
  }

  @Test func `Null metadata is empty`() throws {
    let json = "{\"__metadata__\": null ,\(entry("a", "U8", "[0]", "[0,0]"))}"
    let header = try SafetensorsHeader(fileBytes: file(json))
    #expect(header.metadata.isEmpty && header.tensors.map(\.name) == ["a"])
  }

  @Test func `Unknown members may nest as deeply as in Python`() throws {
    let nested = String(repeating: "[", count: 125) + String(repeating: "]", count: 125)
    let json = "{\"a\":{\"x\":\(nested),\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}"
    #expect(try SafetensorsHeader(fileBytes: file(json, data: [0])).tensors.map(\.name) == ["a"])
  }

  @Test func `The beginning of a file is enough to read its header`() throws {
    let start = file("{\(entry("a", "F64", "[1000]", "[0,8000]"))}")
    let header = try SafetensorsHeader(fileBytes: start + [1, 2, 3], fileByteCount: start.count + 8000)
    #expect(header.dataByteCount == 8000)
  }

  // MARK: Lengths

  @Test(arguments: 0..<8)
  func `A file without a complete length is refused`(count: Int) {
    #expect(refusal(Array(repeating: 0, count: count))?.reason == .noHeaderLength(fileByteCount: count))
  }

  @Test func `A header longer than a hundred million bytes is refused`() {
    let length: [UInt8] = [0x01, 0xE1, 0xF5, 0x05, 0, 0, 0, 0]  // 100,000,001
    #expect(
      refusal(length + Array("{}".utf8))?.description
        == "the header's length, 100000001 bytes, exceeds the limit of 100000000")
    #expect(
      refusal(Array(repeating: 0xFF, count: 8))?.reason == .headerTooLong(byteCount: .max))
  }

  @Test func `A header that does not fit in the file is refused`() {
    let length: [UInt8] = [0x00, 0xE1, 0xF5, 0x05, 0, 0, 0, 0]  // 100,000,000
    #expect(
      refusal(length + Array("{}".utf8))?.description
        == "a header of 100000000 bytes after the first 8 exceeds the file's 10 bytes")
    #expect(
      refusal([3, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8))?.reason
        == .headerBeyondEnd(headerByteCount: 3, fileByteCount: 10))
  }

  // MARK: JSON

  /// JSON, the byte of the file at which it is wrong, and the message.
  @Test(arguments: [
    ("", 8, "the header must begin with \"{\""),
    (" {}", 8, "the header must begin with \"{\""),
    ("[]", 8, "the header must begin with \"{\""),
    ("{}\n", 10, "only spaces may follow the header's object"),
    ("{}}", 10, "only spaces may follow the header's object"),
    ("{", 9, "expected a name, a string"),
    ("{1:2}", 9, "expected a name, a string"),
    ("{\"a", 9, "a name is not closed"),
    ("{\"a\u{1}\":1}", 11, "a control character in a string must be escaped"),
    ("{\"a\" 1}", 13, "expected \":\" in the header"),
    ("{\"a\":1}", 13, "expected \"{\" in tensor \"a\""),
    ("{\"a\":null}", 13, "expected \"{\" in tensor \"a\""),
    ("{\"a\":[\"U8\",[],[0,1]]}", 13, "expected \"{\" in tensor \"a\""),
    ("{\"\\x\":1}", 10, "unknown escape"),
    ("{\"\\", 10, "an escape is cut off"),
    ("{\"\\u00g0\":1}", 14, "expected four hexadecimal digits"),
    ("{\"\\ud800\":1}", 10, "an escape encodes half a character"),
    ("{\"\\ud800\\u0041\":1}", 10, "an escape encodes half a character"),
    ("{\"\\udc00\":1}", 10, "an escape encodes half a character"),
    ("{\"__metadata__\":nul}", 24, "expected null"),
    ("{\"__metadata__\":[]}", 24, "expected \"{\" in __metadata__"),
    ("{\"__metadata__\":{\"k\":1}}", 29, "expected a value of __metadata__, a string"),
    ("{\"__metadata__\":{\"k\":\"v\"", 32, "expected \",\" or \"}\" in __metadata__"),
    ("{\"__metadata__\":{},}", 27, "expected a name, a string"),
    ("{\"a\":{}}", 13, "tensor \"a\" has no dtype"),
    ("{\"a\":{\"dtype\":\"U8\"}}", 13, "tensor \"a\" has no shape"),
    ("{\"a\":{\"dtype\":\"U8\",\"shape\":[]}}", 13, "tensor \"a\" has no data_offsets"),
    ("{\"a\":{\"dtype\":8", 22, "expected the dtype of tensor \"a\", a string"),
    ("{\"a\":{\"shape\":2", 22, "expected \"[\" in the shape of tensor \"a\""),
    ("{\"a\":{\"shape\":[2 3]", 25, "expected \",\" or \"]\" in the shape of tensor \"a\""),
    (
      "{\"a\":{\"shape\":[1,]", 25, "the shape of tensor \"a\" must be a non-negative integer in plain digits"
    ),
    (
      "{\"a\":{\"shape\":[-1]", 23, "the shape of tensor \"a\" must be a non-negative integer in plain digits"
    ),
    (
      "{\"a\":{\"shape\":[1.0]", 23,
      "the shape of tensor \"a\" must be a non-negative integer in plain digits"
    ),
    (
      "{\"a\":{\"shape\":[1E0]", 23,
      "the shape of tensor \"a\" must be a non-negative integer in plain digits"
    ),
    (
      "{\"a\":{\"shape\":[01]", 23, "the shape of tensor \"a\" must be a non-negative integer in plain digits"
    ),
    ("{\"a\":{\"shape\":[9223372036854775808]", 23, "the shape of tensor \"a\" exceeds 9223372036854775807"),
    ("{\"a\":{\"data_offsets\":[0]", 29, "data_offsets of tensor \"a\" must be two"),
    ("{\"a\":{\"data_offsets\":[0,1,2]", 29, "data_offsets of tensor \"a\" must be two"),
    ("{\"a\":{\"x\":tru", 18, "expected true"),
    ("{\"a\":{\"x\":-", 19, "expected a digit"),
    ("{\"a\":{\"x\":1.", 20, "expected a digit"),
    ("{\"a\":{\"x\":1e+", 21, "expected a digit"),
    ("{\"a\":{\"x\":01", 19, "expected \",\" or \"}\" in tensor \"a\""),
    ("{\"a\":{\"x\":[1}", 20, "expected \",\" or \"]\" in an array"),
    ("{\"a\":{\"x\":{\"y\"}", 22, "expected \":\" in an object"),
    ("{\"a\":{\"x\":}", 18, "expected a value"),
  ])
  func `Malformed JSON is refused with its byte`(json: String, offset: Int, problem: String) {
    #expect(refusal(json) == "malformed header at byte \(offset): \(problem)")
  }

  @Test func `Invalid UTF-8 is refused with the byte of its string`() {
    for bytes: [UInt8] in [
      [0xFF], [0xC0, 0x80], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80],
    ] {
      let json = Array("{\"".utf8) + bytes + Array("\":{}}".utf8)
      #expect(
        refusal(file(json))?.description == "malformed header at byte 9: a name is not valid UTF-8")
    }
  }

  @Test func `Values that nest too deeply are refused without recursion`() {
    let open = String(repeating: "[", count: 1_000_000)
    #expect(
      refusal("{\"a\":{\"x\":\(open)") == "malformed header at byte 146: values nest deeper than 128")
  }

  // MARK: Names

  @Test func `A name that occurs twice is refused, even if it is escaped differently`() {
    let json = "{\(entry("a", "U8", "[]", "[0,1]")),\(entry("\\u0061", "U8", "[]", "[1,2]"))}"
    #expect(refusal(json, data: [0, 0]) == "the name \"a\" occurs a second time at byte 60")
  }

  @Test func `A key that occurs twice in an entry is refused, unless it is unknown`() throws {
    let json = "{\"a\":{\"x\":1,\"x\":2,\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}"
    #expect(try SafetensorsHeader(fileBytes: file(json, data: [0])).tensors.count == 1)
    #expect(
      refusal("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"")
        == "the name \"dtype\" occurs a second time at byte 27")
  }

  @Test func `Metadata that occurs twice is refused, and so is a key in it that occurs twice`() {
    #expect(
      refusal("{\"__metadata__\":{},\"__metadata__\":{}}")
        == "the name \"__metadata__\" occurs a second time at byte 27")
    #expect(
      refusal("{\"__metadata__\":{\"k\":\"\",\"k\":\"\"}}")
        == "the name \"k\" occurs a second time at byte 32")
  }

  @Test
  func `Metadata with more than a million keys is refused, and so is a key of more than a million bytes`() {
    let problem = "__metadata__ has more than 1000000 keys, or a key of more bytes"
    let key = String(repeating: "k", count: 1_000_001)
    #expect(refusal("{\"__metadata__\":{\"\(key)\":\"\"}}") == "malformed header at byte 25: \(problem)")
    // In debug builds, a million keys take seconds.
    guard Self.largeByteCount > 10_000_000 else { return }
    let keys = (0...1_000_000).map { "\"\($0)\":\"\"" }.joined(separator: ",")
    #expect(refusal("{\"__metadata__\":{\(keys)}}") == "malformed header at byte 11888915: \(problem)")
  }

  // MARK: Memory

  /// A header that consists of a start, many pieces and an end.
  private struct LargeHeader: Sendable {
    let start: String
    let piece: @Sendable (Int) -> String
    let end: String
  }

  /// Headers that take the most memory for their size.
  private static let largeHeaders = [
    // A shape of many lengths.
    LargeHeader(
      start: "{\"a\":{\"shape\":[1", piece: { _ in ",1" }, end: "],\"dtype\":\"U8\",\"data_offsets\":[0,1]}}"),
    // Many tensors, with short and with long names.
    LargeHeader(
      start: "{\"__metadata__\":null", piece: { ",\(entry("\($0)", "U8", "[0]", "[0,0]"))" }, end: "}"),
    LargeHeader(
      start: "{\"__metadata__\":null",
      piece: { ",\(entry("sixteen characters\($0)", "U8", "[0]", "[0,0]"))" },
      end: "}"),
    // A long name without a complete character before its end.
    LargeHeader(
      start: "{\"", piece: { _ in "\u{300}" },
      end: "\":{\"shape\":[],\"dtype\":\"U8\",\"data_offsets\":[0,1]}}"),
    // Many unknown members, and metadata.
    LargeHeader(
      start: "{\"a\":{", piece: { "\"sixteen characters\($0)\":0," },
      end: "\"shape\":[],\"dtype\":\"U8\",\"data_offsets\":[0,1]}}"),
    LargeHeader(
      start: "{\"__metadata__\":{\"\":\"\"", piece: { ",\"sixteen characters\($0)\":\"\"" }, end: "}}"),
  ]

  /// The size of large headers, which LARGE_HEADER can increase to 100,000,000.
  private static var largeByteCount: Int {
    ProcessInfo.processInfo.environment["LARGE_HEADER"].flatMap(Int.init) ?? 1_000_000
  }

  /// Writes a file piece by piece, in little memory, and opens it.
  private static func open(_ header: LargeHeader) throws {
    let folder = try TemporaryFolder()
    let path = try folder.file("large", holding: [0, 0, 0, 0, 0, 0, 0, 0])
    let handle = try FileHandle(forUpdating: URL(filePath: path))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data(header.start.utf8))
    var count = 8 + header.start.utf8.count
    var place = 0
    while count < largeByteCount - 200_000 {
      let pieces = Data((place..<place + 2000).map(header.piece).joined().utf8)
      try handle.write(contentsOf: pieces)
      place += 2000
      count += pieces.count
    }
    try handle.write(contentsOf: Data(header.end.utf8))
    count += header.end.utf8.count
    if header.end.contains("[0,1]") { try handle.write(contentsOf: Data([0])) }
    try handle.seek(toOffset: 0)
    try handle.write(contentsOf: withUnsafeBytes(of: UInt64(count - 8).littleEndian) { Data($0) })
    try handle.close()
    func peak() -> Int {
      var usage = rusage()
      #if os(Linux)
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss << 10
      #else
        getrusage(RUSAGE_SELF, &usage)
        return usage.ru_maxrss
      #endif
    }
    let before = peak()
    let opened = try SafetensorsFile(path: path)
    let byteCount = opened.byteCount - opened.header.dataByteCount
    let ratio = Double(peak() - before) / Double(byteCount)
    precondition(ratio <= 6, "\(ratio) times a header of \(byteCount) bytes that begins \(header.start)")
  }

  @Test func `Opening a file takes at most six times the memory of its header`() async {
    // Each header has its own process, because the system reports only a process's peak memory.
    await #expect(processExitsWith: .success) { try Self.open(Self.largeHeaders[0]) }
    await #expect(processExitsWith: .success) { try Self.open(Self.largeHeaders[1]) }
    await #expect(processExitsWith: .success) { try Self.open(Self.largeHeaders[2]) }
    await #expect(processExitsWith: .success) { try Self.open(Self.largeHeaders[3]) }
    await #expect(processExitsWith: .success) { try Self.open(Self.largeHeaders[4]) }
    await #expect(processExitsWith: .success) { try Self.open(Self.largeHeaders[5]) }
  }

  // MARK: Tensors

  @Test func `An unknown type is refused with the tensor's name`() throws {
    let error = try #require(refusal(file("{\(entry("a", "F7", "[]", "[0,1]"))}", data: [0])))
    #expect(error.reason == .unknownScalarType(tensor: "a", scalarType: "F7"))
    #expect(
      error.description.hasPrefix("tensor \"a\" has the unknown dtype \"F7\"; the known dtypes are BOOL, F4,")
    )
  }

  @Test func `A hole, an overlap and reversed offsets are refused with the tensor's name`() {
    let first = entry("a", "U8", "[2]", "[0,2]")
    #expect(
      refusal("{\(first),\(entry("b", "U8", "[1]", "[3,4]"))}", data: [0, 0, 0, 0])
        == "tensor \"b\" has data_offsets [3, 4], which leave a hole: they must begin at 2")
    #expect(
      refusal("{\(first),\(entry("b", "U8", "[2]", "[1,3]"))}", data: [0, 0, 0])
        == "tensor \"b\" has data_offsets [1, 3], which overlap the data before them: they must begin at 2")
    #expect(
      refusal("{\(entry("a", "U8", "[1]", "[1,2]"))}", data: [0, 0])
        == "tensor \"a\" has data_offsets [1, 2], which leave a hole: they must begin at 0")
    #expect(
      refusal("{\(first),\(entry("b", "U8", "[1]", "[2,1]"))}", data: [0, 0])
        == "tensor \"b\" has data_offsets [2, 1], which end before they begin")
  }

  @Test func `Two tensors with the same bytes are refused`() {
    let json = "{\(entry("a", "U8", "[1]", "[0,1]")),\(entry("b", "U8", "[1]", "[0,1]"))}"
    #expect(
      refusal(json, data: [0])
        == "tensor \"b\" has data_offsets [0, 1], which overlap the data before them: they must begin at 1")
  }

  @Test func `A size that does not fit the shape is refused`() {
    #expect(
      refusal("{\(entry("a", "F32", "[3]", "[0,8]"))}", data: Array(repeating: 0, count: 8))
        == "tensor \"a\" has 8 bytes between its data_offsets, but its shape and dtype need 12")
  }

  @Test func `A shape whose size overflows is refused`() {
    for shape in [
      "[4294967296,4294967296]", "[4294967296,4294967296,0]", "[0,4294967296,4294967296]",
      "[9223372036854775807]", "[3,0,9223372036854775807]",
    ] {
      let error = refusal(file("{\(entry("a", "F64", shape, "[0,0]"))}"))
      guard case .sizeOverflow(tensor: "a", _) = error?.reason else {
        Issue.record("\(shape): \(String(describing: error))")
        continue
      }
      #expect(error?.description.hasSuffix("has more bytes than can be addressed") == true)
    }
  }

  @Test func `Empty tensors may have one long axis`() throws {
    let json = "{\(entry("a", "F64", "[0,9223372036854775807]", "[0,0]"))}"
    let header = try SafetensorsHeader(fileBytes: file(json))
    #expect(header.tensors.map(\.elementCount) == [0])
  }

  @Test func `Elements smaller than a byte must fill whole bytes`() {
    #expect(
      refusal("{\(entry("a", "F4", "[3]", "[0,2]"))}", data: [0, 0])
        == "tensor \"a\" of type F4 and shape [3] does not fill whole bytes (4 bits per element)")
    #expect(refusal("{\(entry("a", "F6_E2M3", "[4]", "[0,3]"))}", data: [0, 0, 0]) == nil)
  }

  @Test func `Data that the tensors do not cover exactly is refused`() {
    let json = "{\(entry("a", "U8", "[2]", "[0,2]"))}"
    #expect(refusal(json, data: [0]) == "the header describes 2 bytes of data, but the file holds 1")
    #expect(refusal(json, data: [0, 0, 0]) == "the header describes 2 bytes of data, but the file holds 3")
    #expect(refusal("{}", data: [0]) == "the header describes 0 bytes of data, but the file holds 1")
  }
}
