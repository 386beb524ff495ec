import ScalarTypes
import Safetensors
import TestSupport
import Testing

/// Tests files that the Python package wrote: see Reference/README.md.
@Suite struct PythonReferenceTests {
  /// The types that the package writes, under its own names and in the order of the script.
  private static let types: [(name: String, type: SafetensorsScalarType)] = [
    ("bool", .bool), ("float4_e2m1fn_x2", .float4), ("uint8", .uint8), ("int8", .int8),
    ("float8_e5m2", .float8E5M2), ("float8_e4m3fn", .float8E4M3), ("float8_e8m0fnu", .float8E8M0),
    ("float8_e4m3fnuz", .float8E4M3FNUZ), ("float8_e5m2fnuz", .float8E5M2FNUZ), ("int16", .int16),
    ("uint16", .uint16), ("float16", .float16), ("bfloat16", .bfloat16), ("int32", .int32),
    ("uint32", .uint32), ("float32", .float32), ("complex64", .complex64), ("float64", .float64),
    ("int64", .int64), ("uint64", .uint64),
  ]

  private typealias Tensors = [(descriptor: SafetensorsDescriptor, bytes: [UInt8])]

  /// Reads a reference file, compares it with its expected contents, and writes it again with the same bytes.
  private func check(_ name: String, _ tensors: Tensors, metadata: [String: String] = [:]) throws {
    let path = try reference(name)
    let file = try SafetensorsFile(path: path)
    #expect(Set(file.tensors.map(\.descriptor)) == Set(tensors.map(\.descriptor)))
    #expect(file.tensors.count == tensors.count)
    #expect(file.metadata == metadata)
    for (descriptor, bytes) in tensors { #expect(try file.bytes(of: descriptor.name) == bytes) }

    let folder = try TemporaryFolder()
    try write(tensors, metadata: metadata, to: folder.file("written"))
    #expect(try contents(folder.file("written")) == contents(path))
  }

  @Test func `Every type that Python writes is read, and written with the same bytes`() throws {
    let tensors: Tensors = Self.types.enumerated().map { index, item in
      let shape = item.type == .float4 ? [3, 8] : [3, 4]
      let count = shape.reduce(1, *) * item.type.bitCount / 8
      return (
        SafetensorsDescriptor("a tensor of \(item.name)", item.type, shape: shape),
        pattern(index, count: count, isBool: item.type == .bool)
      )
    }
    try check("types", tensors, metadata: ["format": "pt"])
  }

  @Test func `Names are escaped and sorted as Python does`() throws {
    let names = [
      "scalar", "", "emoji 🦔", "é", "e\u{301}", "quote \" backslash \\ slash /",
      "tab\tline\nbell\u{7}delete\u{7F}",
    ]
    try check(
      "names",
      names.enumerated().map { index, name in
        (SafetensorsDescriptor(name, .int16, shape: []), pattern(index, count: 2))
      })
  }

  @Test func `Tensors without elements have a shape and no bytes`() throws {
    try check(
      "empty",
      [
        (SafetensorsDescriptor("rows", .float32, shape: [0, 3]), []),
        (SafetensorsDescriptor("columns", .float32, shape: [2, 0]), []),
        (SafetensorsDescriptor("one", .float32, shape: [1, 1, 1, 1, 1]), pattern(2, count: 4)),
      ])
  }

  @Test func `A file without tensors can be read`() throws {
    try check("nothing", [])
  }

  @Test func `A hundred tensors are in Python's order`() throws {
    try check(
      "many",
      (0..<100).map { index in
        (
          SafetensorsDescriptor("layer.\(index).weight", .uint8, shape: [index % 5]),
          pattern(index, count: index % 5)
        )
      })
  }

  /// The file is not written again, because Python's order of several entries changes from run to run.
  @Test func `Metadata is read`() throws {
    let file = try SafetensorsFile(path: reference("metadata"))
    #expect(file.metadata == ["format": "pt", "": "", "quote \"": "back\\slash", "é": "🦔\n"])
  }

  @Test func `Numbers are read as Python wrote them`() throws {
    let file = try SafetensorsFile(path: reference("values"))
    let numbers: [Double] = [-1.5, 0, 0.25, 1, 2, 240]
    #expect(try file.values(of: "float64", as: Double.self) == numbers)
    #expect(try file.values(of: "float32", as: Float.self) == numbers.map(Float.init))
    #expect(try file.values(of: "bfloat16", as: BFloat16.self).map(\.doubleValue) == numbers)
    #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
      #expect(try file.values(of: "float16", as: Float16.self) == numbers.map { Float16($0) })
    #endif
  }
}
