import Foundation
import Safetensors
import Synchronization
import TestSupport
import Testing

@Suite struct FileReplacementTests {
  private let folder: TemporaryFolder
  private let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = try folder.file("target", holding: [1, 2, 3])
  }

  private func replace(_ path: String, system: SystemCalls = .live) throws(FileError) {
    let replacement = try FileReplacement(of: path, system: system)
    try [UInt8]([4, 5]).span.bytes.withUnsafeBytes { (bytes) throws(FileError) in
      try replacement.write(bytes, at: 0)
    }
    try replacement.commit()
  }

  @Test func `The file is flushed before it is renamed, and its directory after`() throws {
    let log = Mutex<[String]>([])
    var system = SystemCalls.live
    system.write = { descriptor, bytes, count, offset in
      log.withLock { $0.append("write \(count)") }
      return SystemCalls.live.write(descriptor, bytes, count, offset)
    }
    system.synchronize = { descriptor in
      var status = stat()
      fstat(descriptor, &status)
      log.withLock { $0.append(status.st_mode & S_IFMT == S_IFDIR ? "flush directory" : "flush file") }
      return SystemCalls.live.synchronize(descriptor)
    }
    system.rename = { directory, from, to in
      log.withLock { $0.append("rename to \(to)") }
      return SystemCalls.live.rename(directory, from, to)
    }
    try replace(path, system: system)
    #expect(log.withLock { $0 } == ["write 2", "flush file", "rename to target", "flush directory"])
    #expect(try contents(path) == [4, 5])
    #expect(try folder.names() == ["target"])
  }

  @Test func `Interrupted and short writes are continued, and interrupted flushes`() throws {
    let calls = Mutex(0)
    let interrupt: @Sendable () -> Bool = {
      calls.withLock {
        $0 += 1
        return $0.isMultiple(of: 2) == false
      }
    }
    var system = SystemCalls.live
    system.write = { descriptor, bytes, count, offset in
      if interrupt() {
        errno = EINTR
        return -1
      }
      return SystemCalls.live.write(descriptor, bytes, min(count, 1), offset)
    }
    system.synchronize = { descriptor in
      if interrupt() {
        errno = EINTR
        return -1
      }
      return SystemCalls.live.synchronize(descriptor)
    }
    try replace(path, system: system)
    #expect(try contents(path) == [4, 5])
    #expect(calls.withLock { $0 } == 8)
  }

  /// Each step fails in turn; only after the last is the new file in place.
  @Test(arguments: ["write", "write nothing", "flush", "rename", "flush directory"])
  func `A step that fails leaves the old file and nothing else`(step: String) throws {
    var system = SystemCalls.live
    switch step {
    case "write":
      system.write = { _, _, _, _ in
        errno = EDQUOT
        return -1
      }
    case "write nothing":
      system.write = { _, _, _, _ in 0 }
    case "rename":
      system.rename = { _, _, _ in
        errno = EACCES
        return -1
      }
    default:
      system.synchronize = { descriptor in
        var status = stat()
        fstat(descriptor, &status)
        let isDirectory = status.st_mode & S_IFMT == S_IFDIR
        guard isDirectory == (step == "flush directory") else { return 0 }
        errno = EIO
        return -1
      }
    }
    let error = #expect(throws: FileError.self) { try replace(path, system: system) }
    let isInPlace = step == "flush directory"
    #expect(error?.path == (isInPlace ? folder.path : path))
    #expect(try contents(path) == (isInPlace ? [4, 5] : [1, 2, 3]))
    #expect(try folder.names() == ["target"])
  }

  @Test func `The message has the operation, the path and the system's words`() {
    var system = SystemCalls.live
    system.rename = { _, _, _ in
      errno = EACCES
      return -1
    }
    let error = #expect(throws: FileError.self) { try replace(path, system: system) }
    #expect(error?.description == "cannot replace \(path): Permission denied (errno 13)")
  }

  @Test func `A file keeps its permissions, and a new one gets the usual`() throws {
    chmod(path, 0o640)
    try replace(path)
    let fresh = folder.file("fresh")
    try replace(fresh)
    let usual = folder.file("usual")
    try Data().write(to: URL(filePath: usual))
    let permissions = try [path, fresh, usual].map {
      try FileManager.default.attributesOfItem(atPath: $0)[.posixPermissions] as? Int
    }
    #expect(permissions[0] == 0o640)
    #expect(permissions[1] == permissions[2])
  }

  @Test func `A link is replaced and what it leads to is not`() throws {
    let link = folder.file("link")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
    try replace(link)
    #expect(try contents(link) == [4, 5])
    #expect(try contents(path) == [1, 2, 3])
  }

  @Test func `What is no file is not replaced`() throws {
    let pipe = folder.file("pipe")
    mkfifo(pipe, 0o600)
    let codes = [
      pipe, folder.path, folder.path + "/", folder.path + "/.", "", path + "/x", folder.file("no/x"),
    ]
    .map { path in #expect(throws: FileError.self, "\(path)") { try replace(path) }?.code }
    #expect(codes == [EINVAL, EISDIR, EISDIR, EISDIR, EISDIR, ENOTDIR, ENOENT])
    #expect(throws: FileError.self) { try replace(path + "\0") }
    #expect(try folder.names() == ["pipe", "target"])
  }

  @Test func `The longest name that the system permits can be replaced`() throws {
    let path = folder.file(String(repeating: "n", count: 255))
    try replace(path)
    #expect(try contents(path) == [4, 5])
  }

  @Test(.enabled(if: geteuid() != 0, "Nothing is forbidden to root."))
  func `A directory without the right to write leaves the old file intact`() throws {
    chmod(folder.path, 0o500)
    defer { chmod(folder.path, 0o700) }
    let error = #expect(throws: FileError.self) { try replace(path) }
    #expect(error?.description == "cannot create a file beside \(path): Permission denied (errno 13)")
    #expect(try contents(path) == [1, 2, 3])
  }

  @Test func `An abandoned replacement leaves only the old file`() throws {
    do {
      let replacement = try FileReplacement(of: path)
      #expect(replacement.path == path)
      #expect(try folder.names().contains { $0.hasPrefix(FileReplacement.temporaryPrefix) })
    }
    #expect(try folder.names() == ["target"])
  }

  @Test func `A path without a directory is in the working directory`() throws {
    // Changing the working directory would disturb other tests: go there by a relative path.
    let up = FileManager.default.currentDirectoryPath.split(separator: "/").map { _ in "../" }.joined()
    try replace(up + path.dropFirst())
    #expect(try contents(path) == [4, 5])
  }
}
