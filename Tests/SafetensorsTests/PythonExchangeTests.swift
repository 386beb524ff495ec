import Foundation
import Safetensors
import TestSupport
import Testing

/// A Python with the package and with numpy, or `nil` if there is none.
private let python = Python.find(
  variable: "SAFETENSORS_PYTHON", running: "import numpy; from safetensors import TensorSpec")

/// Tests that the Python package reads our files, and that we read its files.
@Suite(
  .enabled(if: python != nil, "No python3 with numpy and safetensors 0.8; SAFETENSORS_PYTHON can name one."))
struct PythonExchangeTests {
  /// One tensor of 24 elements for each type, and some with unusual shapes and names.
  private let tensors: [(descriptor: SafetensorsDescriptor, bytes: [UInt8])] =
    SafetensorsScalarType.allCases.enumerated().map { index, type in
      (
        SafetensorsDescriptor("\(type)", type, shape: [2, 3, 4]),
        pattern(index, count: 3 * type.bitCount, isBool: type == .bool)
      )
    } + [
      (SafetensorsDescriptor("scalar \"\\\n\u{1}é e\u{301} 🦔", .float32, shape: []), pattern(30, count: 4)),
      (SafetensorsDescriptor("empty", .float64, shape: [3, 0]), []),
    ]

  @Test func `Python reads every type that Swift wrote`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("from Swift")
    try write(tensors, metadata: ["k \"": "v 🦔", "": ""], to: path)
    let output = try #require(python).run(
      "-c",
      """
      import json, sys
      from safetensors import deserialize, safe_open
      with safe_open(sys.argv[1], framework="np") as file:
          metadata = file.metadata()
      with open(sys.argv[1], "rb") as file:
          tensors = deserialize(file.read())
      print(json.dumps([metadata, [[n, t["dtype"], t["shape"], list(t["data"])] for n, t in tensors]]))
      """, path)
    let (metadata, read) = try JSONDecoder().decode(Contents.self, from: Data(output.utf8)).parts
    #expect(metadata == ["k \"": "v 🦔", "": ""])
    #expect(read.count == tensors.count)
    for (descriptor, bytes) in tensors {
      let tensor = try #require(read.first { $0.name.utf8.elementsEqual(descriptor.name.utf8) })
      #expect(tensor.dtype == descriptor.scalarType.rawValue)
      #expect(tensor.shape == descriptor.shape)
      #expect(tensor.bytes == bytes)
    }
  }

  @Test func `Python reads the headers that the article says Swift refuses, and both read null metadata`()
    throws
  {
    let tensor = entry("a", "U8", "[]", "[0,1]")
    func empty(_ shape: String) -> String { "{\(entry("a", "U8", shape, "[0,0]"))}" }
    let refused = [
      " {\(tensor)}", "\n{\(tensor)}", "{\(tensor)}\n", "{\(tensor)}\t", "{\(tensor),\(tensor)}",
      "{\"__metadata__\":{\"k\":\"\",\"k\":\"\"},\(tensor)}",
      "{\"__metadata__\":{\"\u{E9}\":\"\",\"e\u{301}\":\"\"},\(tensor)}",
      "{\"__metadata__\":{\"\(String(repeating: "k", count: 1_000_001))\":\"\"},\(tensor)}",
      "{\"a\":[\"U8\",[],[0,1]]}",
      "{\"a\":{\"dtype\":{\"U8\":null},\"shape\":[],\"data_offsets\":[0,1]}}",
      empty("[0,9223372036854775808]"), empty("[4611686018427387904,2,0]"),
      empty("[0,1099511627776,1099511627776]"),
    ]
    let folder = try TemporaryFolder()
    for (index, json) in (refused + ["{\"__metadata__\":null,\(tensor)}"]).enumerated() {
      let bytes = file(json, data: json.contains("[0,0]") ? [] : [0])
      let isRead = (try? SafetensorsHeader(fileBytes: bytes)) != nil
      #expect(isRead == (index == refused.count), "\(json.prefix(80))")
      try write(bytes, to: folder.file("\(index)"))
    }
    let program = """
      import sys
      from safetensors import deserialize
      print(sum(len(deserialize(open(path, "rb").read())) for path in sys.argv[1:]))
      """
    let output = try #require(python).run(["-c", program] + folder.names().map(folder.file))
    #expect(output == "\(refused.count + 1)\n")
  }

  @Test func `Swift reads every type that Python wrote, and both write the same bytes`() throws {
    // Python does not write the 6-bit types, and counts the shape of the 4-bit type in bytes.
    let tensors = tensors.filter { $0.descriptor.scalarType.bitCount != 6 }
    let folder = try TemporaryFolder()
    try write(tensors, metadata: ["k": "v"], to: folder.file("from Swift"))
    _ = try #require(python).run(
      "-c",
      """
      import ctypes, sys
      from safetensors import TensorSpec, deserialize, serialize_file
      names = {
          "BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "U16": "uint16", "I32": "int32",
          "U32": "uint32", "I64": "int64", "U64": "uint64", "F16": "float16", "BF16": "bfloat16",
          "F32": "float32", "F64": "float64", "C64": "complex64", "F4": "float4_e2m1fn_x2",
          "F8_E5M2": "float8_e5m2", "F8_E4M3": "float8_e4m3fn", "F8_E8M0": "float8_e8m0fnu",
          "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
      }
      specs, buffers = {}, []
      with open(sys.argv[1], "rb") as file:
          for name, tensor in deserialize(file.read()):
              shape = list(tensor["shape"])
              if tensor["dtype"] == "F4":
                  shape[-1] //= 2
              data = bytes(tensor["data"])
              buffers.append(ctypes.create_string_buffer(data, len(data)))
              specs[name] = TensorSpec(dtype=names[tensor["dtype"]], shape=shape,
                data_ptr=ctypes.addressof(buffers[-1]), data_len=len(data))
      serialize_file(specs, sys.argv[2], metadata={"k": "v"})
      """, folder.file("from Swift"), folder.file("from Python"))
    let file = try SafetensorsFile(path: folder.file("from Python"))
    #expect(Set(file.tensors.map(\.descriptor)) == Set(tensors.map(\.descriptor)))
    for (descriptor, bytes) in tensors { #expect(try file.bytes(of: descriptor.name) == bytes) }
    #expect(try contents(folder.file("from Python")) == contents(folder.file("from Swift")))
  }
}

/// The output of the Python program: the metadata, and the name, dtype, shape and bytes of each tensor.
private struct Contents: Decodable {
  let parts: (metadata: [String: String], tensors: [Tensor])

  struct Tensor: Decodable {
    let name: String
    let dtype: String
    let shape: [Int]
    let bytes: [UInt8]

    init(from decoder: any Decoder) throws {
      var container = try decoder.unkeyedContainer()
      name = try container.decode(String.self)
      dtype = try container.decode(String.self)
      shape = try container.decode([Int].self)
      bytes = try container.decode([UInt8].self)
    }
  }

  init(from decoder: any Decoder) throws {
    var container = try decoder.unkeyedContainer()
    parts = (try container.decode([String: String].self), try container.decode([Tensor].self))
  }
}
