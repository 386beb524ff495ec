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

  @Test func `The file is flushed before it is renamed, and its directory afterwards`() throws {
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

  @Test func `Interrupted and short writes are continued, and interrupted flushes are repeated`() throws {
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

  /// Each operation fails in turn. Only after the last one is the new file in place.
  @Test(arguments: ["write", "write nothing", "flush", "rename", "flush directory"])
  func `A failed operation leaves the old file and nothing else`(step: String) throws {
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

  @Test func `The message contains the operation, the path and the system's text`() {
    var system = SystemCalls.live
    system.rename = { _, _, _ in
      errno = EACCES
      return -1
    }
    let error = #expect(throws: FileError.self) { try replace(path, system: system) }
    #expect(error?.description == "cannot replace \(path): Permission denied (errno 13)")
  }

  @Test func `A replaced file keeps its permissions, and a new file gets the usual ones`() throws {
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

  @Test func `A private file is private from the first moment, and its group gets no more permissions`()
    throws
  {
    chmod(path, 0o604)
    let replacement = try FileReplacement(of: path)
    let names = try folder.names().filter { $0.hasPrefix(TemporaryFiles.prefix) }
    #expect(names.count == 1)
    var status = stat()
    #expect(stat(folder.file(names[0]), &status) == 0 && status.st_mode & 0o777 == 0o604)
    try replacement.commit()
    // The mode that open() itself receives, before any other call.
    chmod(path, 0o600)
    let old = umask(0)
    defer { umask(old) }
    let observed = Mutex<mode_t?>(nil)
    var system = SystemCalls.live
    system.open = { directory, name, flags, mode in
      if flags & O_CREAT != 0 { observed.withLock { $0 = mode } }
      return SystemCalls.live.open(directory, name, flags, mode)
    }
    try replace(path, system: system)
    #expect(observed.withLock { $0 } == 0o600)
  }

  @Test func `Any number of links are followed and stay links`() throws {
    try FileManager.default.createDirectory(atPath: folder.file("sub"), withIntermediateDirectories: false)
    let links = [("sub/first", "../target"), ("link", "sub/first"), ("absolute", folder.file("link"))]
    for (name, destination) in links {
      try FileManager.default.createSymbolicLink(
        atPath: folder.file(name), withDestinationPath: destination)
    }
    try replace(folder.file("absolute"))
    #expect(try contents(path) == [4, 5])
    for (name, destination) in links {
      #expect(
        try FileManager.default.destinationOfSymbolicLink(atPath: folder.file(name)) == destination)
    }
    // A link to a missing file leads to the path of the new file.
    let (dangling, loop) = (folder.file("dangling"), folder.file("loop"))
    try FileManager.default.createSymbolicLink(atPath: dangling, withDestinationPath: "sub/new")
    try FileManager.default.createSymbolicLink(atPath: loop, withDestinationPath: "loop")
    try replace(dangling)
    #expect(try contents(folder.file("sub/new")) == [4, 5])
    #expect(throws: FileError("follow the links of", path: loop, code: ELOOP)) { try replace(loop) }
  }

  @Test func `A file is identified by any of its paths, and different files are distinguished`() throws {
    try FileManager.default.createDirectory(atPath: folder.file("sub"), withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: "target")
    try FileManager.default.createSymbolicLink(atPath: folder.file("here"), withDestinationPath: ".")
    for other in ["target", "sub/../target", "./target", "link", "here/target"] {
      #expect(try FileTarget(path).isSame(as: FileTarget(folder.file(other))), "\(other)")
    }
    #expect(try FileTarget(folder.file("new")).isSame(as: FileTarget(folder.file("sub/../new"))))
    #expect(link(path, folder.file("hard")) == 0)
    for other in ["hard", "new", "sub/target"] {
      #expect(try !FileTarget(path).isSame(as: FileTarget(folder.file(other))), "\(other)")
    }
    #expect(try FileTarget("/dev/stdout").isSame(as: FileTarget("/dev/fd/1")))
    #expect(try !FileTarget("/dev/null").isSame(as: FileTarget("/dev/zero")))
  }

  @Test func `A pipe receives all bytes in order, at the end`() throws {
    let pipe = folder.file("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    let reader = open(pipe, O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    let replacement = try FileReplacement(of: pipe)
    for (byte, offset) in [(UInt8(2), 1), (3, 2), (1, 0)] {
      try [byte].span.bytes.withUnsafeBytes { (bytes) throws(FileError) in
        try replacement.write(bytes, at: offset)
      }
    }
    var buffer = [UInt8](repeating: 0, count: 8)
    #expect(read(reader, &buffer, 8) == 0)
    try replacement.commit()
    #expect(read(reader, &buffer, 8) == 3)
    #expect(buffer[..<3] == [1, 2, 3])
    #expect(try folder.names() == ["pipe", "target"])
  }

  #if os(Linux)
    @Test func `A device that accepts no bytes is an error`() throws {
      #expect(throws: FileError("write to", path: "/dev/full", code: ENOSPC)) { try replace("/dev/full") }
      try replace("/dev/null")
    }
  #endif

  @Test func `The leftovers of a killed process are removed, and nothing else`() async throws {
    let path = path
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
      let replacement = try FileReplacement(of: path)
      kill(getpid(), SIGKILL)
      try replacement.commit()
    }
    let left = try folder.names().filter { $0.hasPrefix(TemporaryFiles.prefix) }
    #expect(left.count == 1)
    // Names that begin in the same way, and the file of a running process: this one.
    let digits = String(repeating: "0123456789abcdef", count: 2)
    let foreign = [TemporaryFiles.prefix + "mine", TemporaryFiles.prefix + digits]
    for name in foreign { try TestSupport.write([1], to: folder.file(name)) }
    let living = try FileReplacement(of: path)
    let livingName = try #require(
      try folder.names().first { $0.hasPrefix(TemporaryFiles.prefix) && !(left + foreign).contains($0) })
    try replace(path)
    #expect(try Set(folder.names()) == Set(foreign + ["target", livingName]))
    try living.commit()
    #expect(try Set(folder.names()) == Set(foreign + ["target"]))
  }

  @Test func `Only files are replaced`() throws {
    let codes = [folder.path, folder.path + "/", folder.path + "/.", "", path + "/x", folder.file("no/x")]
      .map { path in #expect(throws: FileError.self, "\(path)") { try replace(path) }?.code }
    #expect(codes == [EISDIR, EISDIR, EISDIR, EISDIR, ENOTDIR, ENOENT])
    #expect(throws: FileError.self) { try replace(path + "\0") }
    #expect(try folder.names() == ["target"])
  }

  @Test func `The longest name that the system permits can be replaced`() throws {
    let path = folder.file(String(repeating: "n", count: 255))
    try replace(path)
    #expect(try contents(path) == [4, 5])
  }

  @Test(.enabled(if: geteuid() != 0, "Root can write everywhere."))
  func `Without write permission for the directory, the old file is intact`() throws {
    chmod(folder.path, 0o500)
    defer { chmod(folder.path, 0o700) }
    let error = #expect(throws: FileError.self) { try replace(path) }
    #expect(error?.description == "cannot create a file next to \(path): Permission denied (errno 13)")
    #expect(try contents(path) == [1, 2, 3])
  }

  @Test func `An abandoned replacement leaves only the old file`() throws {
    do {
      let replacement = try FileReplacement(of: path)
      #expect(replacement.path == path)
      #expect(try folder.names().contains { $0.hasPrefix(TemporaryFiles.prefix) })
    }
    #expect(try folder.names() == ["target"])
  }

  @Test func `A path without a directory is in the working directory`() throws {
    // Changing the working directory would disturb other tests, so the file is reached by a relative path.
    let up = FileManager.default.currentDirectoryPath.split(separator: "/").map { _ in "../" }.joined()
    try replace(up + path.dropFirst())
    #expect(try contents(path) == [4, 5])
  }
}
