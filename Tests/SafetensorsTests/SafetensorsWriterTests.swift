import Foundation
import Safetensors
import TestSupport
import Testing

@Suite struct SafetensorsWriterTests {
  private let folder: TemporaryFolder
  private let path: String
  private let descriptors = [
    SafetensorsDescriptor("bytes", .uint8, shape: [3]),
    SafetensorsDescriptor("words", .int32, shape: [2, 2]),
  ]

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("file.safetensors")
  }

  @Test(arguments: SafetensorsScalarType.allCases)
  func `Tensors of every type are read back`(type: SafetensorsScalarType) throws {
    let shapes = [[], [0], [3, 0, 2], [4], [2, 3, 4], [1, 1, 1, 1, 8]].filter { shape in
      (shape.reduce(1, *) * type.bitCount).isMultiple(of: 8)
    }
    let tensors = shapes.enumerated().map { index, shape in
      (
        descriptor: SafetensorsDescriptor("\(shape)", type, shape: shape),
        bytes: pattern(index, count: shape.reduce(1, *) * type.bitCount / 8)
      )
    }
    try write(tensors, to: path)
    let file = try SafetensorsFile(path: path)
    #expect(Set(file.tensors.map(\.descriptor)) == Set(tensors.map(\.descriptor)))
    for tensor in tensors {
      #expect(try file.bytes(of: tensor.descriptor.name) == tensor.bytes)
    }
  }

  @Test func `Thousands of tensors are read back`() throws {
    let tensors = (0..<3000).map { index in
      (
        descriptor: SafetensorsDescriptor("t\(index)", index % 2 == 0 ? .int16 : .uint8, shape: [index % 7]),
        bytes: pattern(index, count: index % 7 * (index % 2 == 0 ? 2 : 1))
      )
    }
    try write(tensors, to: path)
    let file = try SafetensorsFile(path: path)
    #expect(file.tensors.count == 3000)
    for tensor in tensors { #expect(try file.bytes(of: tensor.descriptor.name) == tensor.bytes) }
  }

  @Test func `The order of the calls and the size of the pieces do not change the file`() throws {
    try write([(descriptors[0], pattern(0, count: 3)), (descriptors[1], pattern(1, count: 16))], to: path)
    let other = folder.file("other")
    var writer = try SafetensorsWriter(path: other, tensors: descriptors.reversed())
    for byte in pattern(1, count: 5) { try writer.append([byte].span.bytes, to: "words") }
    try writer.append(pattern(0, count: 3).span.bytes, to: "bytes")
    try writer.append(Array(pattern(1, count: 16)[5...]).span.bytes, to: "words")
    try writer.commit()
    #expect(try contents(other) == contents(path))
  }

  @Test func `A file can be replaced while it is being read`() throws {
    try write([(descriptors[1], pattern(1, count: 16))], metadata: ["k": "v"], to: path)
    let file = try SafetensorsFile(path: path)
    var writer = try SafetensorsWriter(path: path, tensors: file.tensors.map(\.descriptor))
    for offset in 0..<16 {
      let byte = try file.bytes(of: "words", offset..<offset + 1)[0]
      try writer.append([~byte].span.bytes, to: "words")
    }
    try writer.commit()
    #expect(try SafetensorsFile(path: path).bytes(of: "words") == pattern(1, count: 16).map { ~$0 })
    // The open file is still the old one.
    #expect(try file.bytes(of: "words") == pattern(1, count: 16))
    #expect(try folder.names() == ["file.safetensors"])
  }

  @Test func `The file appears with the commit, and nothing remains without one`() throws {
    do {
      var writer = try SafetensorsWriter(path: path, tensors: descriptors)
      try writer.append(pattern(0, count: 3).span.bytes, to: "bytes")
      #expect(try folder.names().count == 1)
      #expect(!FileManager.default.fileExists(atPath: path))
    }
    #expect(try folder.names() == [])
  }

  @Test func `A tensor without all its bytes cannot be committed`() throws {
    var writer = try SafetensorsWriter(path: path, tensors: descriptors)
    try writer.append(pattern(0, count: 3).span.bytes, to: "bytes")
    try writer.append(pattern(1, count: 15).span.bytes, to: "words")
    do {
      try writer.commit()
      Issue.record("committed")
    } catch {
      #expect(
        error.description == "\(path): tensor \"words\" has 16 bytes, of which only 15 were supplied")
    }
    #expect(try folder.names() == [])
  }

  @Test func `Excess bytes of a tensor, and bytes of an unknown tensor, are refused`() throws {
    var writer = try SafetensorsWriter(path: path, tensors: descriptors)
    do {
      try writer.append(pattern(0, count: 4).span.bytes, to: "bytes")
      Issue.record("written")
    } catch {
      #expect(error.description == "\(path): tensor \"bytes\" has 3 bytes, but 4 were supplied")
    }
    do {
      try writer.append(pattern(0, count: 4).span.bytes, to: "other")
      Issue.record("written")
    } catch {
      #expect(error.reason == .noSuchTensor("other"))
    }
  }

  @Test func `A full disk leaves the old file intact and nothing else`() throws {
    try write([(descriptors[0], pattern(0, count: 3))], to: path)
    let old = try contents(path)
    let headerByteCount = try SafetensorsHeader(descriptors).serialized().count
    var system = SystemCalls.live
    system.write = { descriptor, bytes, count, offset in
      if offset + count > headerByteCount + 10 {
        errno = ENOSPC
        return -1
      }
      return SystemCalls.live.write(descriptor, bytes, count, offset)
    }
    do {
      var writer = try SafetensorsWriter(path: path, tensors: descriptors, system: system)
      try writer.append(pattern(1, count: 8).span.bytes, to: "words")
      try writer.append(pattern(1, count: 8).span.bytes, to: "words")
      try writer.append(pattern(0, count: 3).span.bytes, to: "bytes")
      try writer.commit()
      Issue.record("committed")
    } catch {
      #expect(error.description == "cannot write \(path): No space left on device (errno 28)")
      #expect(error.path == path)
    }
    #expect(try contents(path) == old)
    #expect(try folder.names() == ["file.safetensors"])
  }

  @Test func `Tensors that one file cannot hold leave no file`() throws {
    let error = #expect(throws: SafetensorsError.self) {
      _ = try SafetensorsWriter(path: path, tensors: descriptors + descriptors)
    }
    #expect(error?.description == "\(path): two tensors to be written are named \"words\"")
    #expect(try folder.names() == [])
  }
}
