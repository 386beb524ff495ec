import CLibrary
import Safetensors

/// An open directory. It is locked against other handles until the end of its life or of the process.
///
/// No operation follows a link in it.
final class DirectoryHandle: Sendable {
  private let directory: FileDescriptor
  private let system: SystemCalls

  /// Opens the directory. Creates it and its parents if they don't exist.
  init(creating path: String, system: SystemCalls) throws(CheckpointError) {
    try Self.create(path, system)
    let directory = try Self.open(path, system)
    guard flock(directory.number, LOCK_EX | LOCK_NB) == 0 else {
      throw errno == EWOULDBLOCK ? .busy(path: path) : .file(FileError("lock", path: path, code: errno))
    }
    self.directory = directory
    self.system = system
  }

  deinit {
    // Closing is not enough: a process that is just being started may share the descriptor for a moment.
    flock(directory.number, LOCK_UN)
  }

  /// Returns whether the path still names this directory, which may have been removed or moved.
  func isNamed(by path: String) -> Bool {
    var (here, there) = (stat(), stat())
    return fstat(directory.number, &here) == 0 && stat(path, &there) == 0
      && here.st_dev == there.st_dev && here.st_ino == there.st_ino
  }

  func makeDirectory(_ name: String) throws(CheckpointError) {
    guard mkdirat(directory.number, name, 0o777) == 0 else { throw failure("create the directory", name) }
  }

  /// Renames an entry of this directory. No entry may have the new name: `rename` would replace an empty
  /// directory.
  func rename(_ name: String, to newName: String) throws(CheckpointError) {
    var status = stat()
    guard fstatat(directory.number, newName, &status, AT_SYMLINK_NOFOLLOW) != 0 else {
      throw .file(FileError("rename to the existing", path: "\(directory.path)/\(newName)", code: EEXIST))
    }
    guard system.rename(directory.number, name, newName) == 0 else { throw failure("rename", name) }
  }

  /// Waits until the directory's list of names is on disk.
  func synchronize() throws(CheckpointError) {
    try Self.synchronize(directory)
  }

  /// Returns the names in a subdirectory, or `nil` if it is a link or holds anything but regular files.
  func files(in name: String) -> [String]? {
    do {
      let inner = try open(name)
      let files = try Self.names(in: inner)
      var status = stat()
      for file in files {
        guard fstatat(inner.number, file, &status, AT_SYMLINK_NOFOLLOW) == 0,
          status.st_mode & S_IFMT == S_IFREG
        else { return nil }
      }
      return files
    } catch {
      return nil
    }
  }

  /// Removes a subdirectory that contains only files.
  func removeDirectory(_ name: String) throws(CheckpointError) {
    let inner = try open(name)
    for file in try Self.names(in: inner) {
      guard unlinkat(inner.number, file, 0) == 0 || errno == ENOENT else {
        throw failure("remove", "\(name)/\(file)")
      }
    }
    guard unlinkat(directory.number, name, AT_REMOVEDIR) == 0 else { throw failure("remove", name) }
  }

  private func failure(_ operation: String, _ name: String) -> CheckpointError {
    .file(FileError(operation, path: "\(directory.path)/\(name)", code: errno))
  }

  /// Opens a subdirectory. Links are refused.
  private func open(_ name: String) throws(CheckpointError) -> FileDescriptor {
    try CheckpointError.wrapping(CheckpointError.file) { () throws(FileError) in
      try FileDescriptor(
        opening: name, path: "\(directory.path)/\(name)", in: directory.number,
        flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW, to: "open the directory", system: system)
    }
  }

  /// Returns the names in the directory at `path`.
  static func names(in path: String) throws(CheckpointError) -> [String] {
    try names(in: open(path, .live))
  }

  private static func names(in directory: borrowing FileDescriptor) throws(CheckpointError) -> [String] {
    // The stream closes its descriptor, so it gets a copy, which shares the position.
    let copy = fcntl(directory.number, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0, let stream = fdopendir(copy) else {
      throw .file(FileError("list", path: directory.path, code: errno))
    }
    defer { closedir(stream) }
    rewinddir(stream)
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno != 0 { throw .file(FileError("list", path: directory.path, code: errno)) }
        return names
      }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
  }

  /// Creates the directory at `path` and its parents, and flushes each directory that got a new entry.
  private static func create(_ path: String, _ system: SystemCalls) throws(CheckpointError) {
    guard mkdir(path, 0o777) != 0 else { return try flushParent(of: path, system) }
    var code = errno
    if code == EEXIST { return }
    if code == ENOENT, let parent = parent(of: path) {
      try create(parent, system)
      // Another process may have created it in the meantime.
      if mkdir(path, 0o777) == 0 || errno == EEXIST { return try flushParent(of: path, system) }
      code = errno
    }
    throw .file(FileError("create the directory", path: path, code: code))
  }

  private static func flushParent(of path: String, _ system: SystemCalls) throws(CheckpointError) {
    try synchronize(open(parent(of: path) ?? ".", system))
  }

  private static func open(_ path: String, _ system: SystemCalls) throws(CheckpointError) -> FileDescriptor {
    try CheckpointError.wrapping(CheckpointError.file) { () throws(FileError) in
      try FileDescriptor(
        opening: path, path: path, flags: O_RDONLY | O_DIRECTORY, to: "open the directory", system: system)
    }
  }

  private static func synchronize(_ directory: borrowing FileDescriptor) throws(CheckpointError) {
    try CheckpointError.wrapping(CheckpointError.file) { () throws(FileError) in try directory.synchronize() }
  }

  /// Returns the directory that holds `path`, or `nil` if the path is only a name.
  private static func parent(of path: String) -> String? {
    var bytes = Array(path.utf8)
    let slash = UInt8(ascii: "/")
    while bytes.count > 1 && bytes.last == slash { bytes.removeLast() }
    guard let last = bytes.lastIndex(of: slash) else { return nil }
    return last == 0 ? "/" : String(decoding: bytes[..<last], as: UTF8.self)
  }
}
