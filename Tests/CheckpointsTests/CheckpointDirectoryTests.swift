import Foundation
import Safetensors
import Synchronization
import Tensors
import TestSupport
import Testing

@testable import Checkpoints

@Suite struct CheckpointDirectoryTests {
  private let folder: TemporaryFolder
  private let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("run")
  }

  /// Returns a checkpoint in which every part holds the step.
  private func checkpoint(_ step: Int) throws -> Checkpoint {
    let tensor = Tensor(repeating: Double(step), shape: [4])
    var checkpoint = Checkpoint(
      position: .init(step: step, epoch: 1, example: 2),
      collections: [
        "model": TensorCollection(["weight": tensor]), "optimizer": TensorCollection(["m": tensor]),
      ])
    try checkpoint.setValue(step, for: "step")
    return checkpoint
  }

  /// Expects a complete checkpoint of this step.
  private func expect(_ checkpoint: Checkpoint?, _ step: Int) throws {
    let checkpoint = try #require(checkpoint)
    #expect(checkpoint.position == .init(step: step, epoch: 1, example: 2))
    #expect(
      checkpoint.collections["model"]?.tensors["weight"]?.scalars(as: Float.self)
        == Array(repeating: Float(step), count: 4))
    #expect(
      checkpoint.collections["optimizer"]?.tensors["m"]?.scalars(as: Float.self)
        == Array(repeating: Float(step), count: 4))
    #expect(try checkpoint.value(Int.self, for: "step") == step)
  }

  private func save(_ steps: Int..., keeping count: Int = 3, system: SystemCalls = .live) throws {
    let directory = CheckpointDirectory(path: path, keeping: count, system: system)
    for step in steps { try directory.save(checkpoint(step)) }
  }

  // MARK: Saving and finding

  @Test func `If nothing was saved, there is no checkpoint and no error`() throws {
    let directory = CheckpointDirectory(path: path)
    #expect(try directory.latest()?.path == nil)
    #expect(try directory.checkpoints() == [])
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    #expect(try directory.latest()?.path == nil)
  }

  @Test func `The newest checkpoint is found, and the newest few are kept`() throws {
    try save(10, 20, 30, 40, 50)
    #expect(
      try names(in: path) == [
        "checkpoint-000003-step-30", "checkpoint-000004-step-40", "checkpoint-000005-step-50",
      ])
    let directory = CheckpointDirectory(path: path)
    #expect(
      try directory.checkpoints().map { $0.dropFirst(path.count + 1) } == names(in: path).map { $0[...] })
    let found = try #require(try directory.latest())
    #expect(found.path == path + "/checkpoint-000005-step-50")
    try expect(found.checkpoint, 50)
    try save(60, keeping: 1)
    #expect(try names(in: path) == ["checkpoint-000006-step-60"])
  }

  @Test func `The last save is the newest, regardless of its step`() throws {
    try save(100, 40, 40)
    #expect(try names(in: path).last == "checkpoint-000003-step-40")
    try expect(try CheckpointDirectory(path: path).latest()?.checkpoint, 40)
  }

  @Test func `Parent directories are created, and a trailing slash makes no difference`() throws {
    let deep = folder.file("a/b/c/")
    try CheckpointDirectory(path: deep).save(checkpoint(1))
    try expect(try CheckpointDirectory(path: folder.file("a/b/c")).latest()?.checkpoint, 1)
  }

  // MARK: Foreign files

  /// Returns all files in the folder with their contents, and links with their destinations.
  private func everything() throws -> [String: String] {
    var found: [String: String] = [:]
    let manager = FileManager.default
    for name in try manager.subpathsOfDirectory(atPath: folder.path) {
      let file = folder.file(name)
      if let target = try? manager.destinationOfSymbolicLink(atPath: file) {
        found[name] = "-> " + target
      } else {
        var status = stat()
        lstat(file, &status)
        let isFile = status.st_mode & S_IFMT == S_IFREG
        found[name] = isFile ? String(decoding: try contents(file), as: UTF8.self) : "\(status.st_mode)"
      }
    }
    return found
  }

  private func makeDirectory(_ name: String, files: [String] = []) throws {
    try FileManager.default.createDirectory(
      atPath: folder.file(name), withIntermediateDirectories: true)
    for file in files { try write(Array("precious".utf8), to: folder.file("\(name)/\(file)")) }
  }

  @Test func `Foreign files in the directory are kept, and don't prevent a checkpoint from being saved`()
    throws
  {
    try save(1, 2)
    let first = "run/checkpoint-000001-step-1"
    // Checkpoints of transformers and DeepSpeed, notes, and names that begin like ours or are written
    // differently.
    try makeDirectory("run/checkpoint-500", files: ["model.safetensors", "trainer_state.json"])
    try makeDirectory("run/checkpoint-500/global_step500", files: ["a"])
    try makeDirectory("run/checkpoint-000000-notes", files: ["notes.txt"])
    try makeDirectory("run/checkpoint-000000-step-0", files: ["model.safetensors"])
    try makeDirectory("run/checkpoint-000000-step-1", files: ["checksums.xxh64"])
    try makeDirectory("run/checkpoint-000000-step-2")
    try makeDirectory("run/checkpoint-1-step-1", files: ["training.json"])
    try makeDirectory("run/checkpoint-\(Int.max)-step-1")
    try makeDirectory("run/.saving-abc", files: ["model.safetensors"])
    try makeDirectory("run/.saving-" + String(repeating: "0", count: 32), files: ["model.safetensors"])
    try makeDirectory("run/.removing-checkpoint-000000-step-0", files: ["model.safetensors"])
    try write([1], to: folder.file("run/checkpoint-000000-step-3"))
    mkfifo(folder.file("run/checkpoint-000000-step-4"), 0o600)
    // A complete checkpoint plus one more file, and complete checkpoints elsewhere, with links to them.
    try FileManager.default.copyItem(atPath: folder.file(first), toPath: path + "/checkpoint-000000-step-5")
    try write([1], to: folder.file("run/checkpoint-000000-step-5/notes.txt"))
    for (link, name) in [
      ("checkpoint-000000-step-6", "archive"), (TemporaryName.saving.unique(), "other"),
      (TemporaryName.removing.unique(), "third"),
    ] {
      try FileManager.default.copyItem(atPath: folder.file(first), toPath: folder.file(name))
      try FileManager.default.createSymbolicLink(
        atPath: "\(path)/\(link)", withDestinationPath: "../\(name)")
    }
    // A link among the files of an apparent leftover.
    let leftover = "run/" + TemporaryName.saving.unique()
    try makeDirectory(leftover)
    try FileManager.default.createSymbolicLink(
      atPath: folder.file(leftover + "/model.safetensors"), withDestinationPath: "/dev/zero")

    let before = try everything().filter { !$0.key.hasPrefix(first) && !$0.key.contains("-step-2/") }
    try save(3, 4, 5, keeping: 1)
    let after = try everything()
    for (name, text) in before where name != "run/checkpoint-000002-step-2" {
      #expect(after[name] == text, "\(name)")
    }
    #expect(after[first] == nil && after["run/checkpoint-000004-step-4"] == nil)
    let found = try #require(try CheckpointDirectory(path: path).latest())
    #expect(found.path == path + "/checkpoint-000005-step-5")
    try expect(found.checkpoint, 5)
  }

  @Test func `Foreign directories don't count as kept checkpoints, and their names are not reused`() throws {
    try save(1, 2)
    try makeDirectory("run/checkpoint-000005-step-5", files: ["training.json"])
    try makeDirectory("run/checkpoint-000007-step-8")
    try save(8, keeping: 2)
    #expect(
      try names(in: path) == [
        "checkpoint-000002-step-2", "checkpoint-000005-step-5", "checkpoint-000007-step-8",
        "checkpoint-000008-step-8",
      ])
  }

  @Test func `There is no checkpoint after the highest number`() throws {
    try save(1)
    let highest = CheckpointName(number: .max, step: 1)
    try FileManager.default.moveItem(
      atPath: path + "/checkpoint-000001-step-1", toPath: "\(path)/\(highest.text)")
    let error = #expect(throws: CheckpointError.self) { try save(2) }
    #expect(error?.description.contains("checkpoint-9223372036854775807-step-1: no number is left") == true)
  }

  @Test func `The next save removes the leftovers of a killed process`() throws {
    try save(1)
    for name in [TemporaryName.saving.unique(), TemporaryName.removing.unique()] {
      try makeDirectory("run/" + name, files: ["model.safetensors", "training.json"])
      // The temporary file of a checkpoint that was being written.
      let writer = try SafetensorsWriter(path: "\(path)/\(name)/optimizer.safetensors", tensors: [])
      let temporary = try #require(try names(in: "\(path)/\(name)").first { $0.hasPrefix(".") })
      try FileManager.default.copyItem(
        atPath: "\(path)/\(name)/\(temporary)", toPath: folder.file("copy"))
      _ = consume writer
      try FileManager.default.moveItem(atPath: folder.file("copy"), toPath: "\(path)/\(name)/\(temporary)")
    }
    try makeDirectory("run/" + TemporaryName.saving.unique())
    try save(2)
    #expect(try names(in: path) == ["checkpoint-000001-step-1", "checkpoint-000002-step-2"])
  }

  @Test(arguments: ["checksums.xxh64", "training.json", "model.safetensors"])
  func `Pipes, devices and endless files in a checkpoint are refused without waiting`(file: String) throws {
    try save(1, 2)
    let member = path + "/checkpoint-000002-step-2/" + file
    let kinds: [(String, () throws -> Void)] = [
      ("a pipe", { mkfifo(member, 0o600) }),
      ("a device", { symlink("/dev/zero", member) }),
      ("a directory", { mkdir(member, 0o700) }),
      (
        "a terabyte of zeros",
        {
          try write([], to: member); truncate(member, 1 << 40)
        }
      ),
    ]
    for (kind, make) in kinds {
      try FileManager.default.removeItem(atPath: member)
      try make()
      let found = try #require(try CheckpointDirectory(path: path).latest(), "\(kind)")
      try expect(found.checkpoint, 1)
      #expect(found.damaged.first?.problem.contains(file) == true, "\(kind)")
    }
  }

  // MARK: Two runs

  @Test func `A second run on a directory is refused during the first`() throws {
    var first: CheckpointDirectory? = CheckpointDirectory(path: path)
    try first?.lock()
    let second = CheckpointDirectory(path: path)
    #expect(throws: CheckpointError.busy(path: path)) { try second.lock() }
    try first?.save(checkpoint(1))
    try first?.lock()
    #expect(throws: CheckpointError.busy(path: path)) { try second.save(checkpoint(2)) }
    try expect(try second.latest()?.checkpoint, 1)
    first = nil
    try second.save(checkpoint(2))
    #expect(throws: CheckpointError.busy(path: path)) { try save(3) }
  }

  @Test func `A directory that was removed after it was locked is created and locked again`() throws {
    let directory = CheckpointDirectory(path: path)
    try directory.save(checkpoint(1))
    try FileManager.default.removeItem(atPath: path)
    try directory.save(checkpoint(2))
    #expect(try names(in: path) == ["checkpoint-000001-step-2"])
    #expect(throws: CheckpointError.busy(path: path)) { try save(3) }
  }

  // MARK: Damage

  /// The kinds of damage to a file.
  private static let damages: [(String, @Sendable (String) throws -> Void)] = [
    ("a bit flipped at the start", { try flip($0, at: 0) }),
    ("a bit flipped at the end", { try flip($0, at: contents($0).count - 1) }),
    ("cut in the middle", { try write(Array(contents($0).dropLast(contents($0).count / 2)), to: $0) }),
    ("emptied", { try write([], to: $0) }),
    ("a byte added", { try write(contents($0) + [0], to: $0) }),
    ("removed", { try FileManager.default.removeItem(atPath: $0) }),
  ]

  private static func flip(_ path: String, at place: Int) throws {
    var bytes = try contents(path)
    bytes[place] ^= 1
    try write(bytes, to: path)
  }

  @Test(arguments: ["model.safetensors", "optimizer.safetensors", "training.json", "checksums.xxh64"])
  func `A damaged checkpoint is detected, and the previous one is used`(file: String) throws {
    for (damage, inflict) in Self.damages {
      try? FileManager.default.removeItem(atPath: path)
      try save(1, 2, 3)
      try inflict("\(path)/checkpoint-000003-step-3/\(file)")
      let found = try #require(try CheckpointDirectory(path: path).latest(), "\(file) \(damage)")
      try expect(found.checkpoint, 2)
      #expect(found.damaged.map(\.path) == ["\(path)/checkpoint-000003-step-3"], "\(file) \(damage)")
      #expect(found.damaged.first?.problem.contains("checkpoint-000003-step-3") == true)
    }
  }

  @Test func `Every flipped bit is detected`() throws {
    try save(1, 2)
    let directory = path + "/checkpoint-000002-step-2"
    for file in try names(in: directory) {
      let bytes = try contents("\(directory)/\(file)")
      for place in bytes.indices {
        var altered = bytes
        altered[place] ^= 1 << (place % 8)
        try write(altered, to: "\(directory)/\(file)")
        #expect(throws: CheckpointError.self, "\(file), byte \(place)") {
          try Checkpoint(directory: directory)
        }
      }
      try write(bytes, to: "\(directory)/\(file)")
    }
    try expect(try Checkpoint(directory: directory), 2)
  }

  @Test func `A file that does not belong to a checkpoint is detected`() throws {
    try save(1)
    try write([1], to: path + "/checkpoint-000001-step-1/other")
    let error = #expect(throws: CheckpointError.self) { try CheckpointDirectory(path: path).latest() }
    #expect(error?.description.hasSuffix("other: not in checksums.xxh64") == true)
  }

  @Test func `If all checkpoints are damaged, the error names each of them`() throws {
    try save(1, 2)
    for name in try names(in: path) {
      let file = "\(path)/\(name)/model.safetensors"
      try Self.flip(file, at: contents(file).count - 1)
    }
    let error = #expect(throws: CheckpointError.self) { try CheckpointDirectory(path: path).latest() }
    guard case .noneIntact(path, let damaged) = error else {
      Issue.record("not noneIntact: \(String(describing: error))" as Comment)
      return
    }
    #expect(damaged.map(\.path) == [2, 1].map { "\(path)/checkpoint-00000\($0)-step-\($0)" })
    #expect(damaged[0].description.contains("model.safetensors: altered"))
  }

  @Test func `A damaged checkpoint does not replace an intact one`() throws {
    let directory = CheckpointDirectory(path: path, keeping: 2)
    for step in 1...2 { try directory.save(checkpoint(step)) }
    try Self.flip(path + "/checkpoint-000002-step-2/model.safetensors", at: 20)
    try expect(try directory.latest()?.checkpoint, 1)
    try directory.save(checkpoint(3))
    #expect(
      try names(in: path) == [1, 2, 3].map { "checkpoint-00000\($0)-step-\($0)" })
    try directory.save(checkpoint(4))
    #expect(try names(in: path) == [3, 4].map { "checkpoint-00000\($0)-step-\($0)" })
  }

  @Test func `The error for a checkpoint with a later layout names both versions`() throws {
    try save(1)
    let file = path + "/checkpoint-000001-step-1/training.json"
    let json = String(decoding: try contents(file), as: UTF8.self)
    let later = Array(json.replacingOccurrences(of: "\"format\" : 1", with: "\"format\" : 2").utf8)
    try write(later, to: file)
    let list = path + "/checkpoint-000001-step-1/checksums.xxh64"
    var checksums = try #require(ChecksumList(text: contents(list)))
    checksums.checksums["training.json"] = try contents(file).withUnsafeBytes(XXHash64.value)
    try write(checksums.text, to: list)
    let error = #expect(throws: CheckpointError.self) { try CheckpointDirectory(path: path).latest() }
    #expect(error?.description.contains("format 2; this version reads 1") == true)
  }

  // MARK: The system

  /// Returns system calls that record what they are called for.
  private func recording(_ record: @escaping @Sendable (String) -> Void) -> SystemCalls {
    var system = SystemCalls.live
    system.write = { descriptor, bytes, count, offset in
      record("write")
      return SystemCalls.live.write(descriptor, bytes, count, offset)
    }
    system.synchronize = { descriptor in
      var status = stat()
      fstat(descriptor, &status)
      record(status.st_mode & S_IFMT == S_IFDIR ? "flush directory \(status.st_ino)" : "flush file")
      return SystemCalls.live.synchronize(descriptor)
    }
    system.rename = { directory, from, to in
      record("rename to \(to)")
      return SystemCalls.live.rename(directory, from, to)
    }
    return system
  }

  @Test func `Files are flushed before the checkpoint gets its name, and the directory afterwards`() throws {
    try save(1)
    let log = Log()
    try save(2, keeping: 1, system: recording { log.append($0) })
    var status = stat()
    stat(path, &status)
    let flushParent = "flush directory \(status.st_ino)"
    var calls = log.entries
    let own = calls.firstIndex(of: "rename to checkpoint-000002-step-2")!
    // Before: each of the four files is written, flushed and renamed, and its directory is flushed.
    let inner = calls[..<own].filter { $0 != "write" }.map {
      $0.hasPrefix("flush directory") ? "flush directory" : $0
    }
    #expect(
      inner
        == ["model.safetensors", "optimizer.safetensors", "training.json", "checksums.xxh64"].flatMap {
          ["flush file", "rename to \($0)", "flush directory"]
        })
    #expect(calls[..<own].last { $0 != "write" }?.hasPrefix("flush directory") == true)
    #expect(!calls[..<own].contains(flushParent))
    // After: the directory is flushed before an older checkpoint is removed.
    calls.removeFirst(own + 1)
    #expect(calls.count == 2 && calls[0] == flushParent && calls[1].hasPrefix("rename to .removing-"))
  }

  @Test func `A disk that is full at any moment does not change the old checkpoints`() throws {
    try save(1, 2)
    let before = try names(in: path)
    var failures = 0
    for limit in 0... {
      let log = Log()
      var system = SystemCalls.live
      system.write = { descriptor, bytes, count, offset in
        log.append("write")
        if log.entries.count > limit {
          errno = ENOSPC
          return -1
        }
        return SystemCalls.live.write(descriptor, bytes, count, offset)
      }
      do {
        try save(3, system: system)
        break
      } catch let error as CheckpointError {
        failures += 1
        #expect(error.description.contains("No space left on device"))
        #expect(try names(in: path) == before)
        try expect(try CheckpointDirectory(path: path).latest()?.checkpoint, 2)
      }
    }
    // A header and a tensor in each of two collections, the record, and the checksums.
    #expect(failures == 6)
    try expect(try CheckpointDirectory(path: path).latest()?.checkpoint, 3)
  }

  @Test(arguments: ["flush", "rename"])
  func `A system call that fails at any moment leaves a complete checkpoint`(call: String) throws {
    try save(1, 2)
    for limit in 0..<20 {
      let log = Log()
      let refuses: @Sendable () -> Bool = {
        log.append(call)
        guard log.entries.count == limit + 1 else { return false }
        errno = EIO
        return true
      }
      var system = SystemCalls.live
      if call == "flush" {
        system.synchronize = { refuses() ? -1 : SystemCalls.live.synchronize($0) }
      } else {
        system.rename = { refuses() ? -1 : SystemCalls.live.rename($0, $1, $2) }
      }
      let step = try #require(try CheckpointDirectory(path: path).latest()).checkpoint.position.step
      let threw = (try? save(step + 1, system: system)) == nil
      let found = try #require(try CheckpointDirectory(path: path).latest())
      #expect(found.damaged.isEmpty)
      // Only the last calls, after the checkpoint has its name, may fail while the new checkpoint is in
      // place.
      #expect([step, step + 1].contains(found.checkpoint.position.step))
      if !threw { try expect(found.checkpoint, step + 1) }
      #expect(try names(in: path).allSatisfy { $0.hasPrefix("checkpoint-") || $0.hasPrefix(".removing-") })
      if !threw && log.entries.count <= limit { return }
    }
    Issue.record("every save failed")
  }

  @Test(.enabled(if: geteuid() != 0, "The superuser can write everywhere."))
  func `Without write permission for the directory, its checkpoints are unchanged`() throws {
    try save(1)
    chmod(path, 0o500)
    defer { chmod(path, 0o700) }
    let error = #expect(throws: CheckpointError.self) { try save(2) }
    #expect(error?.description.contains("Permission denied") == true)
    try expect(try CheckpointDirectory(path: path).latest()?.checkpoint, 1)
  }

  @Test func `A path at which no directory can exist is an error that names the path`() throws {
    try write([], to: path)
    let error = #expect(throws: CheckpointError.self) { try save(1) }
    #expect(error?.description.contains(path) == true)
    #expect(try contents(path) == [])
  }
}

/// The recorded calls, in order.
private final class Log: Sendable {
  private let mutex = Mutex<[String]>([])
  var entries: [String] { mutex.withLock { $0 } }
  func append(_ entry: String) { mutex.withLock { $0.append(entry) } }
}
