import Safetensors
import Testing

@Suite struct SafetensorsHeaderTests {
  private func json(_ header: SafetensorsHeader) throws -> String {
    String(decoding: try header.serialized().dropFirst(8), as: UTF8.self)
  }

  @Test func `Tensors are sorted from the strictest alignment to the loosest, then by the bytes of the name`()
    throws
  {
    let descriptors = [
      SafetensorsDescriptor("a", .uint8, shape: [1]),
      SafetensorsDescriptor("\u{FF61}", .float32, shape: [1]),
      // Before the previous name in UTF-16 but after it in UTF-8, which decides.
      SafetensorsDescriptor("\u{1F994}", .float32, shape: [1]),
      SafetensorsDescriptor("B", .float32, shape: [1]),
      SafetensorsDescriptor("z", .float64, shape: [1]),
    ]
    let sorted = try SafetensorsHeader(descriptors)
    #expect(sorted.tensors.map(\.name) == ["z", "B", "\u{FF61}", "\u{1F994}", "a"])
    #expect(sorted.tensors.map(\.byteRange) == [0..<8, 8..<12, 12..<16, 16..<20, 20..<21])
    let given = try SafetensorsHeader(descriptors, order: .asGiven)
    #expect(given.tensors.map(\.name) == descriptors.map(\.name))
    #expect(given.tensors.map(\.byteRange) == [0..<1, 1..<5, 5..<9, 9..<13, 13..<21])
  }

  @Test func `A header is compact JSON after its length, with spaces up to a multiple of eight`()
    throws
  {
    let header = try SafetensorsHeader(
      [SafetensorsDescriptor("a", .bfloat16, shape: [2, 3])], metadata: ["k": "v"])
    let text =
      "{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[0,12]}}"
    let padded = text + String(repeating: " ", count: 7 - (text.utf8.count + 7) % 8)
    #expect(try header.serialized() == file(padded))
    #expect(try header.serialized().count.isMultiple(of: 8))
  }

  @Test func `A header without tensors is an object, too`() throws {
    #expect(try json(SafetensorsHeader([])) == "{}      ")
    #expect(try json(SafetensorsHeader([], metadata: ["k": ""])) == "{\"__metadata__\":{\"k\":\"\"}}       ")
  }

  @Test func `Metadata is sorted by the bytes of its keys`() throws {
    let metadata = ["b": "2", "a": "1", "\u{E9}": "4", "c": "3"]
    let text = try json(SafetensorsHeader([], metadata: metadata))
    #expect(text.hasPrefix("{\"__metadata__\":{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\",\"\u{E9}\":\"4\"}}"))
  }

  @Test func `Every character is preserved in a name, a key and a value`() throws {
    let scalars = (0...0x2FFF).compactMap(Unicode.Scalar.init) + ["\u{FFFD}", "\u{FFFF}", "🦔", "\u{10FFFF}"]
    var text = ""
    text.unicodeScalars.append(contentsOf: scalars)
    let written = try SafetensorsHeader(
      [SafetensorsDescriptor(text, .int8, shape: [0])], metadata: [text: text])
    let read = try SafetensorsHeader(fileBytes: written.serialized())
    #expect(read.tensors.first.map { Array($0.name.unicodeScalars) } == scalars)
    #expect(read.metadata.first.map { Array($0.key.unicodeScalars) } == scalars)
    #expect(read.metadata.first.map { Array($0.value.unicodeScalars) } == scalars)
  }

  @Test func `Duplicate names and the key for metadata are refused`() {
    let tensor = SafetensorsDescriptor("a", .int8, shape: [])
    let error = #expect(throws: SafetensorsError.self) { try SafetensorsHeader([tensor, tensor]) }
    #expect(error?.description == "two tensors to be written are named \"a\"")
    let reserved = #expect(throws: SafetensorsError.self) {
      try SafetensorsHeader([SafetensorsDescriptor("__metadata__", .int8, shape: [])])
    }
    #expect(
      reserved?.description
        == "a tensor cannot be named \"__metadata__\", which is the format's key for metadata")
  }

  @Test func `Sizes that overflow, individually or in total, are refused`() {
    let large = SafetensorsDescriptor("a", .int8, shape: [Int.max / 8])
    var other = large
    other.name = "b"
    let headers = (0..<9).map { "\($0)" }.map { name in
      SafetensorsDescriptor(name, .int8, shape: large.shape)
    }
    #expect(throws: SafetensorsError.self) { try SafetensorsHeader(headers) }
    #expect(throws: Never.self) { try SafetensorsHeader([large, other]) }
    other.shape = [Int.max / 8 + 1]
    let error = #expect(throws: SafetensorsError.self) { try SafetensorsHeader([large, other]) }
    #expect(error?.reason == .sizeOverflow(tensor: "b", shape: other.shape))
  }

  @Test func `A header that is too long for the format is refused`() throws {
    // When escaped, each character takes six bytes, which is the fastest way to the limit.
    let name = String(repeating: "\u{1}", count: SafetensorsHeader.byteCountLimit / 6)
    let header = try SafetensorsHeader([SafetensorsDescriptor(name, .int8, shape: [])])
    let error = #expect(throws: SafetensorsError.self) { try header.serialized() }
    guard case .headerTooLong = error?.reason else {
      Issue.record("\(String(describing: error?.reason))")
      return
    }
  }

  @Test func `A negative length traps`() async {
    await #expect(processExitsWith: .failure) {
      _ = SafetensorsDescriptor("a", .int8, shape: [2, -1])
    }
  }
}
