import CLibrary

/// Replacements of two files that are made together or not at all.
///
/// The transaction has a lock for each of its files, so another transaction on the same files waits. The lock
/// is a separate file next to the locked one. After both replacements are on disk and before the first
/// rename, one of the locks gets a record of both renames. If the process or the machine stops after that,
/// the next transaction on one of the files finds the record and completes the pair.
///
/// If a rename is refused, the earlier renames are undone. Files that someone else has changed since the
/// record was written are kept.
///
/// All names are derived from the file's name, so the next transaction on the file removes the leftovers of a
/// killed process.
package final class FileTransaction {
  private var locks: [FileLock]
  private let system: SystemCalls
  /// Messages about earlier transactions that were interrupted, and how each of them was resolved.
  package private(set) var recoveries: [String] = []

  /// Locks the files and completes interrupted transactions on them.
  ///
  /// - Parameters:
  ///   - inputs: Files to read. Until ``finishReading()``, no other transaction replaces them.
  ///   - outputs: Files to replace.
  ///   - waiting: Called with a path before the transaction waits for another one.
  package init(
    reading inputs: [String], writing outputs: [String], system: SystemCalls = .live,
    waiting: (String) -> Void = { _ in }
  ) throws(FileError) {
    self.system = system
    locks = []
    var candidates: [(key: FileLock.Key, path: String, isOutput: Bool)] = []
    for (path, isOutput) in outputs.map({ ($0, true) }) + inputs.map({ ($0, false) }) {
      do {
        let target = try FileTarget(path, system: system)
        let key = try FileLock.Key(target)
        if !target.isStream, !candidates.contains(where: { $0.key == key }) {
          candidates.append((key, path, isOutput))
        }
      } catch  where !isOutput {
        // Opening the file reports the error.
      }
    }
    // All transactions lock in the same order, so that no two wait for each other.
    for candidate in candidates.sorted(by: { $0.key < $1.key }) {
      do {
        let target = try FileTarget(candidate.path, system: system)
        locks.append(
          try FileLock(target, isOutput: candidate.isOutput, system: system) { waiting(candidate.path) })
      } catch  where !candidate.isOutput {
        // Nobody can write next to the file, so nobody replaces it.
      }
    }
    // Recovery needs the files that a lock without a record would remove as leftovers.
    for lock in locks { if let recovery = try lock.recover() { recoveries.append(recovery) } }
    for lock in locks { lock.removeLeftovers() }
  }

  /// Lets others replace the files that are only read: they are open.
  package func finishReading() { locks.removeAll { !$0.isOutput } }

  /// Creates the new file for an output.
  package func replacement(of path: String) throws(FileError) -> FileReplacement {
    let target = try FileTarget(path, system: system)
    let names = TransactionNames(of: target.name)
    return try FileReplacement(of: target, temporaryName: names.new, system: system)
  }

  /// Puts both files in place durably.
  ///
  /// If this throws, both old files are in place; if only flushing the directories failed, both new files are
  /// in place. A pipe or a device receives its bytes before a file is replaced.
  package func commit(
    _ first: consuming FileReplacement, _ second: consuming FileReplacement
  ) throws(FileError) {
    if first.target.isStream {
      try first.commit()
      try second.commit()
    } else if second.target.isStream {
      try second.commit()
      try first.commit()
    } else {
      let key = try FileLock.Key(second.target)
      guard let lock = locks.first(where: { $0.key == key }) else {
        fatalError("\(second.path) is not an output of the transaction")
      }
      try first.synchronize()
      try second.synchronize()
      let parts = [
        try TransactionPart(first, seenFrom: lock, system),
        try TransactionPart(second, seenFrom: lock, system),
      ]
      first.handOver()
      second.handOver()
      try TemporaryFiles.withoutRemoval { () throws(FileError) in try lock.commit(parts) }
    }
    locks = []
  }
}

/// The names next to a file that belong to its transactions.
struct TransactionNames {
  let lock: String
  let new: String
  let old: String

  init(of name: String) {
    // The name itself is not used, because it may be as long as the file system permits.
    let stem = ".adafactor-\(fnv1a(name.utf8).hexadecimal)"
    (lock, new, old) = ("\(stem).lock", "\(stem).new", "\(stem).old")
  }
}

/// 64-bit FNV-1a, which distinguishes names and detects torn records.
func fnv1a(_ bytes: some Sequence<UInt8>) -> UInt64 {
  bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}
