import Safetensors
import ScalarTypes

/// The name of a directory that is being written or removed: a prefix, random digits and their checksum.
///
/// The checksum distinguishes it from a directory with a similar name that someone else made.
enum TemporaryName: String, CaseIterable {
  case saving = ".saving-"
  case removing = ".removing-"

  /// Returns a name that nothing else has.
  func unique() -> String {
    let digits = ChecksumList.digits(UInt64.random(in: 0...UInt64.max))
    return rawValue + digits + Self.checksum(digits)
  }

  /// Returns whether this program made the name.
  static func isOwn(_ name: String) -> Bool {
    guard let prefix = allCases.first(where: { name.hasPrefix($0.rawValue) }) else { return false }
    let digits = name.dropFirst(prefix.rawValue.count)
    return digits.count == 32 && digits.suffix(16) == checksum(String(digits.prefix(16)))
  }

  private static func checksum(_ digits: String) -> String {
    ChecksumList.digits(Array(digits.utf8).withUnsafeBytes(XXHash64.value))
  }
}

extension CheckpointDirectory {
  /// Removes what killed processes left.
  ///
  /// The lock proves that these processes have ended, and the names prove that they made the entries. If
  /// something cannot be removed, the next checkpoint can still be saved.
  func removeLeftovers(in directory: DirectoryHandle) {
    for name in (try? DirectoryHandle.names(in: path)) ?? [] where TemporaryName.isOwn(name) {
      let isOwn = directory.files(in: name)?.allSatisfy { file in
        ChecksumList.isFileOfCheckpoint(file) || file == ChecksumList.fileName
          || TemporaryFiles.isName(file)
      }
      if isOwn == true { try? directory.removeDirectory(name) }
    }
  }

  /// Removes all checkpoints except the newest ones. Checkpoints that were found damaged don't count as kept.
  func removeOldest(in directory: DirectoryHandle) throws(CheckpointError) {
    let own = try names().filter { isOwn($0, in: directory) }
    let damaged = damagedNames.withLock { $0 }
    let intact = own.indices.filter { !damaged.contains(own[$0].text) }
    guard intact.count >= keptCount else { return }
    for name in own[..<intact[intact.count - keptCount]] {
      // Moves it to a name that no reader takes for a checkpoint, so that no partial checkpoint is ever
      // visible.
      let removed = TemporaryName.removing.unique()
      try directory.rename(name.text, to: removed)
      try directory.removeDirectory(removed)
    }
  }

  /// Returns the number after the newest checkpoint's.
  ///
  /// A foreign entry may have a checkpoint's name with any number. High numbers count only for real
  /// checkpoints.
  func nextNumber(in directory: DirectoryHandle) throws(CheckpointError) -> Int {
    let newest = try names().last { $0.number < 1 << 40 || isOwn($0, in: directory) }
    guard let newest else { return 1 }
    guard newest.number < Int.max else {
      throw .malformed(path: path, place: newest.text, problem: "no number is left for a newer checkpoint")
    }
    return newest.number + 1
  }

  /// Returns whether a name belongs to a complete checkpoint: a directory with exactly the files in its list
  /// of checksums.
  private func isOwn(_ name: CheckpointName, in directory: DirectoryHandle) -> Bool {
    guard let files = directory.files(in: name.text),
      let list = try? ChecksumList(checkpoint: "\(path)/\(name.text)")
    else { return false }
    let listed = list.checksums.keys
    return listed.contains(TrainingRecord.fileName) && listed.allSatisfy(ChecksumList.isFileOfCheckpoint)
      && Set(files.map { ExactString($0) }) == list.files
  }
}
