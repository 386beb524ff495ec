import Checkpoints
import Safetensors
import Tensors
import TestSupport
import Testing

@Suite struct TensorCollectionTests {
  @Test func `Tensors of every type, integers and metadata are read back unchanged`() throws {
    let folder = try TemporaryFolder()
    var generator = SeededGenerator(seed: 5)
    var tensors: [String: Tensor] = ["empty": Tensor(zeros: [0, 3]), "scalar": Tensor(ones: [])]
    for type in ScalarType.allCases {
      tensors["\(type)"] = Tensor(normal: [300, 400], as: type, using: &generator)
    }
    let collection = TensorCollection(
      tensors, integers: ["a": .max, "b": .min, "c": 0], metadata: ["key": "value"])
    try collection.write(to: folder.file("tensors"))
    let read = try TensorCollection(path: folder.file("tensors"))
    #expect(read.integers == collection.integers)
    #expect(read.metadata == collection.metadata)
    #expect(Set(read.tensors.keys) == Set(tensors.keys))
    for (name, tensor) in tensors {
      #expect(read.tensors[name]?.scalarType == tensor.scalarType)
      #expect(read.tensors[name]?.shape == tensor.shape)
      #expect(read.tensors[name]?.bits == tensor.bits)
    }
  }

  @Test func `Tensors of types that parameters cannot have are refused by name`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("integers")
    var writer = try SafetensorsWriter(
      path: path, tensors: [SafetensorsDescriptor("ids", .int32, shape: [2])])
    let ids: [Int32] = [1, 2]
    try writer.append(ids.span.bytes, to: "ids")
    try writer.commit()
    #expect(throws: CheckpointError.unsupportedTensor(path: path, tensor: "ids", type: .int32, shape: [2])) {
      try TensorCollection(path: path)
    }
  }

  @Test func `Names that Swift treats as equal although their bytes differ are refused`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("accents")
    let names = ["\u{E9}", "e\u{301}"]
    var writer = try SafetensorsWriter(
      path: path, tensors: names.map { SafetensorsDescriptor($0, .float32, shape: []) })
    for name in names { try writer.append([1 as Float].span.bytes, to: name) }
    try writer.commit()
    let error = #expect(throws: CheckpointError.self) { try TensorCollection(path: path) }
    #expect(error?.description.contains("differs only in its Unicode normal form") == true)
  }

  @Test func `A missing file is an error of the system`() throws {
    let error = #expect(throws: CheckpointError.self) { try TensorCollection(path: "/nowhere/at all") }
    #expect(error?.description.contains("cannot open /nowhere/at all") == true)
  }
}
