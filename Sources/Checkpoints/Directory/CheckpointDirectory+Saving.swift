import Safetensors

extension CheckpointDirectory {
  /// Saves a checkpoint as the newest, and then removes those that are not kept.
  ///
  /// - Returns: The checkpoint's path.
  /// - Throws: ``CheckpointError``; older checkpoints are intact then. (If only their removal fails, the new
  ///   one is in place; if flushing the directory fails, it is too, but may not survive a loss of power.)
  @discardableResult
  public func save(_ checkpoint: Checkpoint) throws(CheckpointError) -> String {
    let directory = try DirectoryHandle(creating: path, system: system)
    try removeLeftovers(in: directory)
    let unfinished = Self.unfinishedPrefix + String(UInt64.random(in: 0...UInt64.max), radix: 16)
    let name: CheckpointName
    do {
      try directory.makeDirectory(unfinished)
      try write(checkpoint, to: "\(path)/\(unfinished)")
      name = CheckpointName(
        number: (try names().last?.number ?? 0) + 1, step: checkpoint.position.step)
      try directory.rename(unfinished, to: name.text)
    } catch {
      // What cannot be removed now is removed by the next save; the first error says more.
      try? directory.removeDirectory(unfinished)
      throw error
    }
    try directory.synchronize()
    try removeOldest(in: directory)
    return "\(path)/\(name.text)"
  }

  /// Writes all files of a checkpoint, each flushed to disk.
  private func write(_ checkpoint: Checkpoint, to directory: String) throws(CheckpointError) {
    var list = ChecksumList()
    for (name, collection) in checkpoint.collections.sorted(by: { $0.key < $1.key }) {
      precondition(
        !name.isEmpty && !name.hasPrefix(".") && !name.utf8.contains(UInt8(ascii: "/")),
        "\"\(name)\" cannot be the name of a collection: it starts a file's name")
      let file = "\(name).safetensors"
      list.checksums[file] = try CheckpointError.wrapping(CheckpointError.safetensors) {
        () throws(SafetensorsError) in
        try collection.write(to: "\(directory)/\(file)", system: system)
      }
    }
    let record = TrainingRecord(
      format: TrainingRecord.currentFormat, position: checkpoint.position, values: checkpoint.values)
    let unencodable = {
      CheckpointError.unencodable(name: TrainingRecord.fileName, problem: JSONText.problem($0))
    }
    let json = try CheckpointError.wrapping(unencodable) {
      try JSONText.encode(record, indented: true) + "\n".utf8
    }
    list.checksums[TrainingRecord.fileName] = try PlainFile.write(
      json, to: "\(directory)/\(TrainingRecord.fileName)", system: system)
    _ = try PlainFile.write(list.text, to: "\(directory)/\(ChecksumList.fileName)", system: system)
  }

  /// How the names of checkpoints begin while they are written.
  private static let unfinishedPrefix = ".saving-"
  /// How the names of checkpoints begin while they are removed, so that none is ever seen in part.
  private static let removedPrefix = ".removing-"

  /// Removes what processes left that were killed: the lock says that none of them lives.
  private func removeLeftovers(in directory: borrowing DirectoryHandle) throws(CheckpointError) {
    for name in try DirectoryHandle.names(in: path)
    where name.hasPrefix(Self.unfinishedPrefix) || name.hasPrefix(Self.removedPrefix) {
      try directory.removeDirectory(name)
    }
  }

  /// Removes all that are older than the newest few, of which those that were found damaged are none.
  private func removeOldest(in directory: borrowing DirectoryHandle) throws(CheckpointError) {
    let names = try names()
    let damaged = damagedNames.withLock { $0 }
    let intact = names.indices.filter { !damaged.contains(names[$0].text) }
    guard intact.count >= keptCount else { return }
    for name in names[..<intact[intact.count - keptCount]] {
      let removed = Self.removedPrefix + name.text
      try directory.rename(name.text, to: removed)
      try directory.removeDirectory(removed)
    }
  }
}
