import Foundation
import Safetensors
import Synchronization
import TestSupport
import Testing

/// Replaces `P` and `S` of a folder together, each by the byte `value`.
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

/// The live calls; `body` is called before each one that changes something and after it, with a number from 0.
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

  /// Neither locks nor unfinished files are left.
  private func expectTidy() throws {
    for directory in [".", "p", "s"] {
      #expect(try names(in: folder.file(directory)).allSatisfy { !$0.hasPrefix(".") })
    }
  }

  /// All moments of a transaction: before and after each call that changes something.
  private func moments(_ names: (String, String)) throws -> [String] {
    let log = Mutex<[String]>([])
    _ = try replacePair(
      folder.path, by: 1, system: counted { _, name in log.withLock { $0.append(name) } }, names: names)
    return log.withLock { $0 }
  }

  @Test(arguments: [("P", "S"), ("p/P", "s/S")])
  func `A process killed at any moment leaves the old pair or a record that makes it whole`(
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
      // Whoever opens the pair next has it whole.
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
}
