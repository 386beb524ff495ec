import CLibrary
import Safetensors
import Synchronization

/// A directory of checkpoints, the newest few of which are kept.
///
///     let directory = CheckpointDirectory(path: "run", keeping: 3)
///     try directory.save(checkpoint)
///     if let found = try directory.latest() { … }
///
/// Each checkpoint is a directory in it, `checkpoint-<number>-step-<step>`, that holds a safetensors file for
/// each collection, `training.json` for position and values, and `checksums.xxh64`, which `xxhsum --check`
/// can check too. Numbers count the saves: after a return to an earlier step, numbering continues after the
/// last save.
///
/// A checkpoint is written under another name, flushed, and renamed, and then the directory is flushed. So
/// anything with a checkpoint's name is complete. If the disk damages it later, its checksums don't match and
/// the previous checkpoint is used.
public final class CheckpointDirectory: Sendable {
  /// The path of the directory.
  public let path: String
  /// How many checkpoints are kept.
  public let keptCount: Int
  let system: SystemCalls
  /// The names of checkpoints that were found damaged: they don't count as kept.
  let damagedNames = Mutex<Set<String>>([])

  /// A directory that keeps the newest `count` checkpoints. It is made by the first save.
  ///
  /// - Precondition: `count` is at least 1. With 1, a checkpoint that the disk damages has none before it to
  ///   go back to.
  public convenience init(path: String, keeping count: Int = 3) {
    self.init(path: path, keeping: count, system: .live)
  }

  package init(path: String, keeping count: Int = 3, system: SystemCalls) {
    precondition(count >= 1, "a directory must keep at least one checkpoint, not \(count)")
    self.path = path
    keptCount = count
    self.system = system
  }

  /// The paths of all checkpoints, damaged ones too, from the oldest to the newest.
  ///
  /// - Throws: ``CheckpointError/file(_:)`` where the directory cannot be read.
  public func checkpoints() throws(CheckpointError) -> [String] {
    try names().map { "\(path)/\($0.text)" }
  }

  /// The names of all checkpoints, from the oldest to the newest.
  func names() throws(CheckpointError) -> [CheckpointName] {
    guard access(path, F_OK) == 0 else { return [] }
    let names = try DirectoryHandle.names(in: path).compactMap(CheckpointName.init)
    return names.sorted { $0.number < $1.number }
  }
}

/// The name of a checkpoint: `checkpoint-<number>-step-<step>`.
struct CheckpointName {
  let number: Int
  let text: String

  private static let prefix = "checkpoint-"

  init(number: Int, step: Int) {
    let digits = String(number)
    self.number = number
    text = "\(Self.prefix)\(String(repeating: "0", count: max(0, 6 - digits.count)))\(digits)-step-\(step)"
  }

  init?(_ text: String) {
    guard text.hasPrefix(Self.prefix) else { return nil }
    let digits = text.dropFirst(Self.prefix.count).prefix { $0 != "-" }
    guard let number = Int(digits), number >= 0 else { return nil }
    self.number = number
    self.text = text
  }
}

/// What `training.json` holds.
struct TrainingRecord: Codable {
  /// The version of a checkpoint's layout.
  var format: Int
  var position: TrainingPosition
  var values: [String: JSONValue]

  static let fileName = "training.json"
  static let currentFormat = 1
}
