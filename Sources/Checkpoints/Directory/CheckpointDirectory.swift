import CLibrary
import Safetensors
import Synchronization

/// A directory that keeps the newest few checkpoints.
///
///     let directory = CheckpointDirectory(path: "run", keeping: 3)
///     try directory.save(checkpoint)
///     if let found = try directory.latest() { … }
///
/// Each checkpoint is a subdirectory, `checkpoint-<number>-step-<step>`. It contains a safetensors file for
/// each collection, `training.json` with the position and values, and `checksums.xxh64`, which
/// `xxhsum --check` can verify too. Numbers count the saves: after a return to an earlier step, numbering
/// continues after the last save.
///
/// A checkpoint is written under another name, flushed and renamed, and then the directory is flushed.
/// Therefore, anything with a checkpoint's name is complete. If the disk damages it later, its checksums
/// don't match, and the previous checkpoint is used.
///
/// Only one run at a time can use a directory. ``lock()`` or the first save locks it for the lifetime of the
/// object. Only complete checkpoints of this package are removed: directories with a checkpoint's name and
/// exactly the files that their checksums list. Nothing else in the directory is touched, and no link in it
/// is followed.
public final class CheckpointDirectory: Sendable {
  /// The path of the directory.
  public let path: String
  /// The number of checkpoints that are kept.
  public let keptCount: Int
  let system: SystemCalls
  /// The names of checkpoints that were found to be damaged. They don't count as kept.
  let damagedNames = Mutex<Set<String>>([])
  /// The directory while it is locked.
  private let handle = Mutex<DirectoryHandle?>(nil)

  /// Creates an object for a directory that keeps the newest `count` checkpoints. The first save creates the
  /// directory.
  ///
  /// - Precondition: `count` is at least 1. With 1, there is no earlier checkpoint to fall back to if the
  ///   disk damages one.
  public convenience init(path: String, keeping count: Int = 3) {
    self.init(path: path, keeping: count, system: .live)
  }

  package init(path: String, keeping count: Int = 3, system: SystemCalls) {
    guard count >= 1 else {
      fatalError("a directory must keep at least one checkpoint, not \(count)")
    }
    self.path = path
    keptCount = count
    self.system = system
  }

  /// Locks the directory until this object or the process ends, and creates it if it doesn't exist.
  ///
  /// Call this when a run starts, before ``latest()``: a second run on the directory is then refused at its
  /// start instead of at a save. Without this call, the first save locks the directory. If this object has
  /// already locked it, nothing happens. Loading needs no lock.
  ///
  /// - Throws: ``CheckpointError/busy(path:)`` if another run has the lock, in this process or in another;
  ///   ``CheckpointError/file(_:)`` if the directory cannot be created or opened.
  public func lock() throws(CheckpointError) {
    try withHandle { _ in }
  }

  /// Calls `body` with the locked directory, on one thread at a time.
  func withHandle<Result>(
    _ body: (DirectoryHandle) throws(CheckpointError) -> Result
  ) throws(CheckpointError) -> Result {
    try handle.withLock { (handle) throws(CheckpointError) in
      if let locked = handle, locked.isNamed(by: path) { return try body(locked) }
      // The first use, or the directory has been removed or moved.
      let new = try DirectoryHandle(creating: path, system: system)
      handle = new
      return try body(new)
    }
  }

  /// Returns the paths of all checkpoints, including damaged ones, from the oldest to the newest.
  ///
  /// - Throws: ``CheckpointError/file(_:)`` if the directory cannot be read.
  public func checkpoints() throws(CheckpointError) -> [String] {
    try names().map { "\(path)/\($0.text)" }
  }

  /// Returns the names of all checkpoints, from the oldest to the newest.
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
  private static let stepPrefix = "-step-"

  init(number: Int, step: Int) {
    let digits = String(number)
    self.number = number
    let zeros = String(repeating: "0", count: max(0, 6 - digits.count))
    text = Self.prefix + zeros + digits + Self.stepPrefix + String(step)
  }

  /// Creates the name that `text` spells, or returns `nil` if no checkpoint gets this name.
  init?(_ text: String) {
    guard text.hasPrefix(Self.prefix) else { return nil }
    let digits = text.dropFirst(Self.prefix.count).prefix { $0 != "-" }
    let rest = text.dropFirst(Self.prefix.count + digits.count)
    guard let number = Int(digits), number >= 0, rest.hasPrefix(Self.stepPrefix),
      let step = Int(rest.dropFirst(Self.stepPrefix.count))
    else { return nil }
    self.init(number: number, step: step)
    guard self.text == text else { return nil }
  }
}

/// The contents of `training.json`.
struct TrainingRecord: Codable {
  /// The version of a checkpoint's layout.
  var format: Int
  var position: TrainingPosition
  var values: [String: JSONValue]

  static let fileName = "training.json"
  static let currentFormat = 1
  /// The maximum size of a file that is written or read.
  static let byteCountLimit = 1 << 28
}
