import Foundation
import ScalarTypes
import Safetensors
import Synchronization
import TestSupport
import Testing

@Suite struct SafetensorsFileTests {
  private let folder: TemporaryFolder
  private let path: String
  private let first = pattern(0, count: 24)
  private let second = pattern(1, count: 3)

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("two.safetensors")
    try write(
      [
        (SafetensorsDescriptor("first", .float32, shape: [2, 3]), first),
        (SafetensorsDescriptor("second", .uint8, shape: [3]), second),
      ], metadata: ["k": "v"], to: path)
  }

  // MARK: Reading

  @Test func `A file lists its tensors and metadata`() throws {
    let file = try SafetensorsFile(path: path)
    #expect(file.tensors.map(\.name) == ["first", "second"])
    #expect(file.metadata == ["k": "v"])
    #expect(try file.byteCount == contents(path).count)
    #expect(file.path == path)
  }

  @Test func `A tensor is read completely or in part`() throws {
    let file = try SafetensorsFile(path: path)
    #expect(try file.bytes(of: "first") == first)
    #expect(try file.bytes(of: "second") == second)
    #expect(try file.bytes(of: "first", 4..<9) == Array(first[4..<9]))
    #expect(try file.bytes(of: "second", 3..<3) == [])
  }

  @Test func `A tensor is read into the caller's memory block by block`() throws {
    let file = try SafetensorsFile(path: path)
    var bytes = [UInt8](repeating: 0, count: 24)
    for begin in stride(from: 0, to: 24, by: 7) {
      var block = [UInt8](repeating: 0, count: min(7, 24 - begin))
      var span = block.mutableSpan
      var raw = span.mutableBytes
      try file.read("first", from: begin, into: &raw)
      bytes.replaceSubrange(begin..<begin + block.count, with: block)
    }
    #expect(bytes == first)
  }

  @Test func `Values are read only as their own type`() throws {
    let values: [Float] = [1, -2.5, 0, .infinity, .leastNonzeroMagnitude, 3]
    let path = folder.file("values")
    var writer = try SafetensorsWriter(
      path: path, tensors: [SafetensorsDescriptor("x", .float32, shape: [6])])
    try writer.append(values.span.bytes, to: "x")
    try writer.commit()
    let file = try SafetensorsFile(path: path)
    #expect(try file.values(of: "x", as: Float.self) == values)
    let error = #expect(throws: SafetensorsError.self) { try file.values(of: "x", as: BFloat16.self) }
    #expect(
      error?.description == "\(path): tensor \"x\" is stored as F32, but BF16 was requested")
  }

  @Test func `A missing name is refused`() throws {
    let file = try SafetensorsFile(path: path)
    let error = #expect(throws: SafetensorsError.self) { try file.bytes(of: "third") }
    #expect(error?.description == "\(path): there is no tensor named \"third\"")
  }

  @Test func `Reading bytes beyond the tensor traps`() async {
    await #expect(processExitsWith: .failure) {
      _ = try SafetensorsFile(path: reference("empty")).bytes(of: "one", 2..<5)
    }
  }

  @Test func `Several threads read at the same time`() async throws {
    let file = try SafetensorsFile(path: path)
    try await withThrowingTaskGroup(of: [UInt8].self) { group in
      for _ in 0..<100 { group.addTask { try file.bytes(of: "first") } }
      for try await bytes in group { #expect(bytes == first) }
    }
  }

  // MARK: Failures of the system

  @Test func `Interrupted and short reads are continued`() throws {
    let calls = Mutex(0)
    var system = SystemCalls.live
    system.read = { descriptor, buffer, count, offset in
      let call = calls.withLock { count in
        count += 1
        return count
      }
      if call.isMultiple(of: 2) {
        errno = EINTR
        return -1
      }
      return SystemCalls.live.read(descriptor, buffer, min(count, 3), offset)
    }
    let file = try SafetensorsFile(path: path, system: system)
    #expect(try file.bytes(of: "first") == first)
    #expect(calls.withLock { $0 } > 20)
  }

  @Test func `A failed read names the file and the reason`() throws {
    var system = SystemCalls.live
    let fails = Mutex(false)
    system.read = { descriptor, buffer, count, offset in
      if fails.withLock({ $0 }) {
        errno = EIO
        return -1
      }
      return SystemCalls.live.read(descriptor, buffer, count, offset)
    }
    let file = try SafetensorsFile(path: path, system: system)
    fails.withLock { $0 = true }
    let error = #expect(throws: SafetensorsError.self) { try file.bytes(of: "first") }
    #expect(error?.description == "cannot read \(path): Input/output error (errno 5)")
  }

  @Test func `A file that is shortened after it was opened gives an error`() throws {
    let file = try SafetensorsFile(path: path)
    let byteCount = file.byteCount - 5
    truncate(path, byteCount)
    let error = #expect(throws: SafetensorsError.self) { try file.bytes(of: "first") }
    #expect(
      error?.description == "\(path): the file was shortened to \(byteCount) bytes after it had been opened")
    #expect(throws: SafetensorsError.self) { try file.values(of: "first", as: Float.self) }
    // The remaining bytes can still be read.
    #expect(try file.bytes(of: "first", 0..<22) == Array(first[..<22]))
    let mapping = #expect(throws: SafetensorsError.self) { try file.mapped() }
    #expect(mapping?.reason == .truncated(offset: byteCount))
  }

  @Test func `A header with a huge length is refused after eight bytes`() throws {
    let largest = Mutex(0)
    var system = SystemCalls.live
    system.read = { descriptor, buffer, count, offset in
      largest.withLock { $0 = max($0, count) }
      return SystemCalls.live.read(descriptor, buffer, count, offset)
    }
    for length: [UInt8] in [[0x00, 0xE1, 0xF5, 0x05, 0, 0, 0, 0], Array(repeating: 0xFF, count: 8)] {
      let path = try folder.file("huge", holding: length + Array("{}".utf8))
      #expect(throws: SafetensorsError.self) { try SafetensorsFile(path: path, system: system) }
    }
    #expect(largest.withLock { $0 } == 8)
  }

  @Test func `Anything but a regular file is refused without waiting`() throws {
    let pipe = folder.file("pipe")
    mkfifo(pipe, 0o600)
    for path in [pipe, folder.path, "/dev/null"] {
      let error = #expect(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
      #expect(error?.reason == .notARegularFile)
    }
  }

  @Test func `A missing file is refused with the system's text`() {
    let path = folder.file("absent")
    let error = #expect(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
    #expect(error?.description == "cannot open \(path): No such file or directory (errno 2)")
    #expect(throws: SafetensorsError.self) { try SafetensorsFile(path: self.path + "\0.other") }
  }

  // MARK: Mapping

  @Test func `A mapping gives access to the tensors, even after the file is gone`() throws {
    let mapping = try SafetensorsFile(path: path).mapped()
    try FileManager.default.removeItem(atPath: path)
    #expect(mapping.header.tensors.map(\.name) == ["first", "second"])
    let bytes = try mapping.withBytes(of: "first") { span in
      (0..<span.byteCount).map { span.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }
    #expect(bytes == first)
    #expect(try mapping.withBytes(of: "second") { $0.byteCount } == 3)
    let error = #expect(throws: SafetensorsError.self) { try mapping.withBytes(of: "x") { _ in } }
    #expect(error?.reason == .noSuchTensor("x"))
  }
}
