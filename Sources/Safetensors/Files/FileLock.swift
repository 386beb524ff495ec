import CLibrary

/// The lock of a file, and the record of a transaction that ends with this file.
///
/// The lock is a separate file next to the locked one, which itself is replaced. The holder removes the lock
/// at the end.
final class FileLock {
  /// The identity of a file that may not exist yet.
  struct Key: Comparable {
    private let numbers: [UInt64]
    private let name: [UInt8]

    init(_ target: borrowing FileTarget) throws(FileError) {
      let directory = try target.directory.status()
      numbers = [UInt64(truncatingIfNeeded: directory.st_dev), UInt64(directory.st_ino)]
      name = Array(target.name.utf8)
    }

    static func < (a: Key, b: Key) -> Bool {
      a.numbers == b.numbers
        ? a.name.lexicographicallyPrecedes(b.name) : a.numbers.lexicographicallyPrecedes(b.numbers)
    }
  }

  let target: FileTarget
  let key: Key
  let isOutput: Bool
  private let names: TransactionNames
  private let file: FileDescriptor
  private let system: SystemCalls
  /// Whether the next transaction must find the record.
  private var hasRecord = false

  /// Locks a file, and calls `waiting` if another process or transaction has the lock.
  init(
    _ target: consuming FileTarget, isOutput: Bool, system: SystemCalls, waiting: () -> Void
  ) throws(FileError) {
    names = TransactionNames(of: target.name)
    key = try Key(target)
    file = try Self.locked(names.lock, target, system, waiting)
    self.target = target
    self.isOutput = isOutput
    self.system = system
  }

  private static func locked(
    _ name: String, _ target: borrowing FileTarget, _ system: SystemCalls, _ waiting: () -> Void
  ) throws(FileError) -> FileDescriptor {
    var hasWaited = false
    while true {
      var isLocked = false
      let file = try TemporaryFiles.create(name, in: target.directory, if: { _ in isLocked }) {
        () throws(FileError) in
        let file = try FileDescriptor(
          opening: name, path: target.path, in: target.directory.number,
          flags: O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, mode: 0o666, to: "create a file next to",
          system: system)
        isLocked = flock(file.number, LOCK_EX | LOCK_NB) == 0
        if !isLocked && errno != EWOULDBLOCK {
          throw FileError("lock a file next to", path: target.path, code: errno)
        }
        return file
      }
      if !isLocked {
        if !hasWaited { waiting() }
        hasWaited = true
        while flock(file.number, LOCK_EX) != 0 {
          if errno != EINTR { throw FileError("lock a file next to", path: target.path, code: errno) }
        }
        TemporaryFiles.add(name, in: target.directory)
      }
      // The previous holder may have removed it.
      let (ours, named) = (try file.status(), try target.directory.status(of: name, path: target.path))
      if let named, named.st_ino == ours.st_ino, named.st_dev == ours.st_dev { return file }
      TemporaryFiles.forget(name, in: target.directory)
    }
  }

  deinit {
    if !hasRecord { _ = system.unlink(target.directory.number, names.lock) }
    TemporaryFiles.forget(names.lock, in: target.directory)
  }

  /// Removes the temporary files that a killed process left next to the file.
  func removeLeftovers() {
    for name in [names.new, names.old] { _ = system.unlink(target.directory.number, name) }
  }

  // MARK: Transactions

  /// Records the parts, and renames them.
  func commit(_ parts: [TransactionPart]) throws(FileError) {
    do {
      for part in parts.dropLast() { try part.keepOld() }
      let record = ([Self.version] + parts.flatMap(\.fields)).joined(separator: "\0")
      let bytes = Array("\(record)\0\(fnv1a(record.utf8).hexadecimal)".utf8)
      hasRecord = true
      try bytes.span.bytes.withUnsafeBytes { (bytes) throws(FileError) in try file.write(bytes, at: 0) }
      try file.synchronize()
      for part in parts { try part.directory.synchronize() }
    } catch {
      try? clear(parts)
      throw error
    }
    try complete(parts)
  }

  /// Completes, undoes or forgets the transaction that the lock has a record of, and returns a message about
  /// it.
  func recover() throws(FileError) -> String? {
    guard let fields = try record() else { return nil }
    hasRecord = true
    let parts = stride(from: 0, to: fields.count - 3, by: 4).compactMap {
      try? TransactionPart(fields: fields[$0..<$0 + 4], seenFrom: self, system)
    }
    let states = try parts.map { (part) throws(FileError) in try part.state() }
    let waiting = try parts.map { (part) throws(FileError) in try part.hasNew() }
    if parts.count == 2, waiting == [true, true] || states == [.old, .old] {
      // Nothing has been renamed, or everything has been undone.
      try clear(parts)
      return nil
    }
    let event =
      "an earlier step was interrupted while it replaced "
      + "\(parts.map(\.path).joined(separator: " and "))"
    guard parts.count == 2, zip(states, waiting).allSatisfy({ $0 == ($1 ? .old : .new) }) else {
      try clear(parts)
      return "\(event), which have changed since: they are used as they are"
    }
    try complete(parts)
    return "\(event): the step has been completed"
  }

  private static let version = "adafactor 1"

  /// Returns the record's fields, or `nil` if there is no complete record. In that case, nothing has been
  /// renamed.
  private func record() throws(FileError) -> [String]? {
    var bytes = [UInt8](repeating: 0, count: min(Int(try file.status().st_size), 1 << 16))
    var span = bytes.mutableSpan
    var buffer = span.mutableBytes
    let count = try buffer.withUnsafeMutableBytes { (bytes) throws(FileError) in
      try file.read(into: bytes, at: 0)
    }
    let text = String(decoding: bytes[..<count], as: UTF8.self)
    var fields = text.split(separator: "\0", omittingEmptySubsequences: false).map(String.init)
    guard let checksum = fields.popLast(), fields.first == Self.version,
      checksum == fnv1a(fields.joined(separator: "\0").utf8).hexadecimal
    else {
      _ = ftruncate(file.number, 0)
      return nil
    }
    return Array(fields.dropFirst())
  }

  private func complete(_ parts: [TransactionPart]) throws(FileError) {
    for part in parts {
      guard let code = try part.renameNew() else { continue }
      for part in parts { try part.restoreOld() }
      try clear(parts)
      throw FileError("replace", path: part.path, code: code)
    }
    try clear(parts)
  }

  /// Forgets the transaction and removes its files, once the directories are on disk.
  private func clear(_ parts: [TransactionPart]) throws(FileError) {
    for part in parts { try part.directory.synchronize() }
    for part in parts { part.removeTemporaries() }
    _ = ftruncate(file.number, 0)
    hasRecord = false
  }
}
