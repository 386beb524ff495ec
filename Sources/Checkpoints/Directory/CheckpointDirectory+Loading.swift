import Safetensors
import ScalarTypes

/// The newest intact checkpoint, and newer ones that are damaged.
public struct FoundCheckpoint: Sendable {
  /// The checkpoint.
  public let checkpoint: Checkpoint
  /// The path of the checkpoint.
  public let path: String
  /// Newer checkpoints that are damaged, newest first. Report them to the user.
  public let damaged: [DamagedCheckpoint]
}

extension CheckpointDirectory {
  /// Returns the newest intact checkpoint, or `nil` if the directory has no checkpoints.
  ///
  /// - Throws: ``CheckpointError/noneIntact(path:damaged:)`` if all checkpoints are damaged;
  ///   ``CheckpointError/file(_:)`` if the directory cannot be read.
  public func latest() throws(CheckpointError) -> FoundCheckpoint? {
    var damaged: [DamagedCheckpoint] = []
    for name in try names().reversed() {
      let checkpointPath = "\(path)/\(name.text)"
      do {
        return FoundCheckpoint(
          checkpoint: try Checkpoint(directory: checkpointPath), path: checkpointPath, damaged: damaged)
      } catch {
        damaged.append(DamagedCheckpoint(path: checkpointPath, problem: "\(error)"))
        _ = damagedNames.withLock { $0.insert(name.text) }
      }
    }
    if damaged.isEmpty { return nil }
    throw .noneIntact(path: path, damaged: damaged)
  }
}

extension Checkpoint {
  /// Creates the checkpoint at `path`, a directory in a ``CheckpointDirectory``, and verifies its checksums.
  ///
  /// - Throws: ``CheckpointError`` if the checkpoint cannot be read or is damaged.
  public init(directory path: String) throws(CheckpointError) {
    let list = try Self.checksums(in: path)
    let ending = ChecksumList.tensorsEnding
    var collections: [String: TensorCollection] = [:]
    var record: TrainingRecord?
    for (file, expected) in list.checksums.sorted(by: { $0.key < $1.key }) {
      let found: UInt64
      if file.hasSuffix(ending) {
        let read = try TensorCollection.readWithChecksum("\(path)/\(file)")
        collections[String(file.dropLast(ending.count))] = read.collection
        found = read.checksum
      } else if file == TrainingRecord.fileName {
        let json = try PlainFile.contents(of: file, in: path, limit: TrainingRecord.byteCountLimit)
        found = json.withUnsafeBytes(XXHash64.value)
        if found == expected { record = try Self.record(json, in: path) }
      } else {
        throw .malformed(path: path, place: file, problem: "does not belong to a checkpoint")
      }
      guard found == expected else {
        throw .malformed(
          path: path, place: file, problem: "altered: its checksum differs from \(ChecksumList.fileName)"
        )
      }
    }
    guard let record else {
      throw .malformed(
        path: path, place: ChecksumList.fileName, problem: "does not list \(TrainingRecord.fileName)")
    }
    self.init(position: record.position, collections: collections)
    values = record.values
  }

  /// Returns the list of checksums, which must name all other files in the directory.
  private static func checksums(in path: String) throws(CheckpointError) -> ChecksumList {
    let list = try ChecksumList(checkpoint: path)
    let files = Set(try DirectoryHandle.names(in: path).map { ExactString($0) })
    for file in files.symmetricDifference(list.files).sorted(by: { $0.text < $1.text }) {
      let problem = files.contains(file) ? "not in \(ChecksumList.fileName)" : "missing"
      throw .malformed(path: path, place: file.text, problem: problem)
    }
    return list
  }

  private static func record(_ json: [UInt8], in path: String) throws(CheckpointError) -> TrainingRecord {
    func malformed(_ problem: String) -> CheckpointError {
      .malformed(path: path, place: TrainingRecord.fileName, problem: problem)
    }
    let record = try CheckpointError.wrapping({ malformed(JSONText.problem($0)) }) {
      try JSONText.decode(TrainingRecord.self, from: json)
    }
    guard record.format == TrainingRecord.currentFormat else {
      throw malformed("format \(record.format); this version reads \(TrainingRecord.currentFormat)")
    }
    return record
  }
}
