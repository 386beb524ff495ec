import Safetensors

extension CheckpointDirectory {
  /// Saves a checkpoint as the newest one, then removes the checkpoints that are not kept.
  ///
  /// - Returns: The checkpoint's path.
  /// - Throws: ``CheckpointError``. Older checkpoints are intact then. If only their removal fails, the new
  ///   checkpoint is in place. If flushing the directory fails, it is in place too, but may not survive a
  ///   loss of power.
  @discardableResult
  public func save(_ checkpoint: Checkpoint) throws(CheckpointError) -> String {
    try withHandle { (directory) throws(CheckpointError) in try save(checkpoint, in: directory) }
  }

  private func save(
    _ checkpoint: Checkpoint, in directory: DirectoryHandle
  ) throws(CheckpointError) -> String {
    removeLeftovers(in: directory)
    let unfinished = TemporaryName.saving.unique()
    let name: CheckpointName
    do {
      try directory.makeDirectory(unfinished)
      try write(checkpoint, to: "\(path)/\(unfinished)")
      name = CheckpointName(number: try nextNumber(in: directory), step: checkpoint.position.step)
      try directory.rename(unfinished, to: name.text)
    } catch {
      // The next save removes anything that cannot be removed now. The first error is more useful.
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
      guard !name.isEmpty && !name.hasPrefix(".") && !name.utf8.contains(UInt8(ascii: "/")) else {
        fatalError("\"\(name)\" cannot be the name of a collection: file names begin with it")
      }
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
    guard json.count <= TrainingRecord.byteCountLimit else {
      throw .unencodable(
        name: TrainingRecord.fileName,
        problem: "\(json.count) bytes of values exceed the limit of \(TrainingRecord.byteCountLimit)")
    }
    list.checksums[TrainingRecord.fileName] = try PlainFile.write(
      json, to: "\(directory)/\(TrainingRecord.fileName)", system: system)
    _ = try PlainFile.write(list.text, to: "\(directory)/\(ChecksumList.fileName)", system: system)
  }
}
