import Foundation
import Safetensors
import Synchronization
import TestSupport
import Testing

/// Replaces `P` and `S` in a folder together, each with the byte `value`.
private func replacePair(
  _ folder: String, by value: UInt8, system: SystemCalls = .live, names: (String, String) = ("P", "S")
) throws -> [String] {
  let (first, second) = ("\(folder)/\(names.0)", "\(folder)/\(names.1)")
  let transaction = try FileTransaction(reading: [first], writing: [first, second], system: system)
  let newFirst = try transaction.replacement(of: first)
  let newSecond = try transaction.replacement(of: second)
  try [value, value].span.bytes.withUnsafeBytes { (bytes) throws(FileError) in
    try newFirst.write(bytes, at: 0)
    try newSecond.write(bytes, at: 0)
  }
  try transaction.commit(newFirst, newSecond)
  return transaction.recoveries
}

/// Returns the live calls. `body` is called before and after each call that changes something, with a number
/// from 0.
private func counted(_ body: @escaping @Sendable (_ moment: Int, _ call: String) -> Void) -> SystemCalls {
  let count = Mutex(0)
  @Sendable func around<Result>(_ name: String, _ call: () -> Result) -> Result {
    func tell() {
      let moment = count.withLock { count in
        defer { count += 1 }
        return count
      }
      body(moment, name)
    }
    tell()
    let result = call()
    let code = errno
    tell()
    errno = code
    return result
  }
  let live = SystemCalls.live
  var system = live
  system.open = { directory, name, flags, mode in
    flags & O_CREAT == 0
      ? live.open(directory, name, flags, mode)
      : around("open") { live.open(directory, name, flags, mode) }
  }
  system.write = { a, b, c, d in around("write") { live.write(a, b, c, d) } }
  system.synchronize = { a in around("synchronize") { live.synchronize(a) } }
  system.rename = { a, b, c in around("rename") { live.rename(a, b, c) } }
  system.link = { a, b, c in around("link") { live.link(a, b, c) } }
  system.unlink = { a, b in around("unlink") { live.unlink(a, b) } }
  return system
}

@Suite struct FileTransactionTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    for directory in ["p", "s"] {
      try FileManager.default.createDirectory(
        atPath: folder.file(directory), withIntermediateDirectories: false)
    }
  }

  private func pair(_ names: (String, String)) -> [[UInt8]?] {
    [names.0, names.1].map { try? contents(folder.file($0)) }
  }

  /// Expects that no locks or unfinished files remain.
  private func expectTidy() throws {
    for directory in [".", "p", "s"] {
      #expect(try names(in: folder.file(directory)).allSatisfy { !$0.hasPrefix(".") })
    }
  }

  /// Returns all moments of a transaction: before and after each call that changes something.
  private func moments(_ names: (String, String)) throws -> [String] {
    let log = Mutex<[String]>([])
    _ = try replacePair(
      folder.path, by: 1, system: counted { _, name in log.withLock { $0.append(name) } }, names: names)
    return log.withLock { $0 }
  }

  @Test(arguments: [("P", "S"), ("p/P", "s/S")])
  func `A process killed at any moment leaves a complete pair or a record that completes it`(
    names: (String, String)
  ) async throws {
    let calls = try moments(names)
    #expect(calls.count { $0 == "rename" } == 4)
    let path = folder.path
    var outcomes: [String: Int] = [:]
    for moment in calls.indices {
      _ = try replacePair(path, by: 1, names: names)
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [
          path = path as String, moment = moment as Int, first = names.0 as String,
          second = names.1 as String
        ] in
        let system = counted { now, _ in if now == moment { kill(getpid(), SIGKILL) } }
        _ = try replacePair(path, by: 2, system: system, names: (first, second))
      }
      // The next transaction on the pair finds it complete.
      let files = [folder.file(names.0), folder.file(names.1)]
      let isMixed = pair(names)[0] != pair(names)[1]
      do {
        let next = try FileTransaction(reading: files, writing: [])
        #expect(!isMixed || next.recoveries.count == 1)
      }
      let whole = pair(names)
      #expect(
        whole == [[1, 1], [1, 1]] || whole == [[2, 2], [2, 2]], "after \(calls[moment]) \(moment)")
      try expectTidy()
      outcomes[isMixed ? "mixed" : whole[0] == [1, 1] ? "old" : "new", default: 0] += 1
    }
    #expect(outcomes["old"]! > 5 && outcomes["new"]! > 3 && outcomes["mixed"]! >= 2)
  }

  @Test(arguments: [0, 1], [true, false])
  func `A refused rename leaves the old pair`(refused: Int, pairExists: Bool) throws {
    if pairExists { _ = try replacePair(folder.path, by: 1) }
    let before = pair(("P", "S"))
    let count = Mutex(0)
    var system = SystemCalls.live
    system.rename = { directory, from, to in
      let number = count.withLock { count in
        defer { count += 1 }
        return count
      }
      guard number == refused else { return SystemCalls.live.rename(directory, from, to) }
      errno = EBUSY
      return -1
    }
    let error = #expect(throws: FileError.self) {
      _ = try replacePair(folder.path, by: 2, system: system)
    }
    #expect(error == FileError("replace", path: folder.file(["P", "S"][refused]), code: EBUSY))
    #expect(pair(("P", "S")) == before)
    try expectTidy()
    #expect(try replacePair(folder.path, by: 2).isEmpty)
  }

  @Test func `On a file system without hard links, the old file is kept as a copy`() throws {
    _ = try replacePair(folder.path, by: 1)
    chmod(folder.file("P"), 0o600)
    let isSecond = Mutex(false)
    var system = SystemCalls.live
    system.link = { _, _, _ in
      errno = EPERM
      return -1
    }
    system.rename = { directory, from, to in
      if to == "S" { isSecond.withLock { $0 = true } }
      guard to != "S" else {
        errno = EPERM
        return -1
      }
      return SystemCalls.live.rename(directory, from, to)
    }
    #expect(throws: FileError.self) { _ = try replacePair(folder.path, by: 2, system: system) }
    #expect(isSecond.withLock { $0 })
    #expect(pair(("P", "S")) == [[1, 1], [1, 1]])
    var status = stat()
    #expect(stat(folder.file("P"), &status) == 0 && status.st_mode & 0o777 == 0o600)
    try expectTidy()
  }

  /// Ends a transaction between its renames, as a kill does: the record and the second new file remain.
  private func leaveMixedPair(_ path: String) async {
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
      var system = SystemCalls.live
      system.rename = { directory, from, to in
        if to == "S" { kill(getpid(), SIGKILL) }
        return SystemCalls.live.rename(directory, from, to)
      }
      _ = try replacePair(path, by: 2, system: system)
    }
  }

  @Test func `Files that were changed after an interrupted transaction are kept`() async throws {
    for changed in ["P", "S"] {
      _ = try replacePair(folder.path, by: 1)
      await leaveMixedPair(folder.path)
      #expect(pair(("P", "S")) == [[2, 2], [1, 1]])
      try TestSupport.write([7, 7, 7], to: folder.file(changed))
      let expected = pair(("P", "S"))
      do {
        let next = try FileTransaction(reading: ["P", "S"].map(folder.file), writing: [])
        #expect(next.recoveries.count == 1 && next.recoveries[0].contains("have changed since"))
      }
      #expect(pair(("P", "S")) == expected)
      try expectTidy()
    }
    // Files that are copied to another directory, with their times, are completed there.
    _ = try replacePair(folder.path, by: 1)
    await leaveMixedPair(folder.path)
    let moved = folder.path + "-moved"
    #expect(rename(folder.path, moved) == 0)
    do {
      defer { #expect(rename(moved, folder.path) == 0) }
      let next = try FileTransaction(reading: ["\(moved)/S"], writing: [])
      #expect(next.recoveries.count == 1 && next.recoveries[0].contains("has been completed"))
    }
    #expect(pair(("P", "S")) == [[2, 2], [2, 2]])
  }

  @Test func `A torn record is ignored`() throws {
    _ = try replacePair(folder.path, by: 1)
    let records = Mutex<[String]>([])
    var system = SystemCalls.live
    system.unlink = { directory, name in
      records.withLock { $0.append(name) }
      return SystemCalls.live.unlink(directory, name)
    }
    _ = try replacePair(folder.path, by: 1, system: system)
    for name in Set(records.withLock { $0 }) where name.hasSuffix(".lock") {
      try TestSupport.write(Array("adafactor 1\0.\0P\0".utf8), to: folder.file(name))
    }
    #expect(try replacePair(folder.path, by: 2).isEmpty)
    #expect(pair(("P", "S")) == [[2, 2], [2, 2]])
    try expectTidy()
  }
}
