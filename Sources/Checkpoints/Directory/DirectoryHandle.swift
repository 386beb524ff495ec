import CLibrary
import Safetensors

/// An open directory, locked against others that open it so, until the end of its life or of the process.
struct DirectoryHandle: ~Copyable {
  private let number: Int32
  private let path: String
  private let system: SystemCalls

  /// Opens the directory, and makes it and those above it where there are none.
  init(creating path: String, system: SystemCalls) throws(CheckpointError) {
    try Self.create(path, system)
    let number = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard number >= 0 else { throw .file(FileError("open the directory", path: path, code: errno)) }
    guard flock(number, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      close(number)
      throw code == EWOULDBLOCK ? .busy(path: path) : .file(FileError("lock", path: path, code: code))
    }
    self.number = number
    self.path = path
    self.system = system
  }

  deinit {
    // Closing is not enough: a process that is just being started may share the descriptor for a moment.
    flock(number, LOCK_UN)
    close(number)
  }

  /// Makes a directory in this one.
  func makeDirectory(_ name: String) throws(CheckpointError) {
    guard mkdirat(number, name, 0o777) == 0 else { throw failure("make the directory", name) }
  }

  /// Renames what is in this directory; nothing may have the new name.
  func rename(_ name: String, to newName: String) throws(CheckpointError) {
    guard system.rename(number, name, newName) == 0 else { throw failure("rename", name) }
  }

  /// Waits until the directory's list of names is on the disk.
  func synchronize() throws(CheckpointError) {
    while system.synchronize(number) != 0 {
      if errno != EINTR { throw .file(FileError("flush to disk", path: path, code: errno)) }
    }
  }

  /// Removes a directory of this one that holds nothing but files.
  func removeDirectory(_ name: String) throws(CheckpointError) {
    for file in try Self.names(in: "\(path)/\(name)") {
      guard unlinkat(number, "\(name)/\(file)", 0) == 0 || errno == ENOENT else {
        throw failure("remove", "\(name)/\(file)")
      }
    }
    guard unlinkat(number, name, AT_REMOVEDIR) == 0 else { throw failure("remove", name) }
  }

  private func failure(_ operation: String, _ name: String) -> CheckpointError {
    .file(FileError(operation, path: "\(path)/\(name)", code: errno))
  }

  /// What is in the directory at `path`.
  static func names(in path: String) throws(CheckpointError) -> [String] {
    guard let stream = opendir(path) else {
      throw .file(FileError("list", path: path, code: errno))
    }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno != 0 { throw .file(FileError("list", path: path, code: errno)) }
        return names
      }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
  }

  /// Whether there is anything at `path`.
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Makes the directory at `path` and those above it, and flushes each that got a new one.
  private static func create(_ path: String, _ system: SystemCalls) throws(CheckpointError) {
    guard mkdir(path, 0o777) != 0 else { return try flushParent(of: path, system) }
    switch errno {
    case EEXIST: return
    case ENOENT:
      guard let parent = parent(of: path) else {
        throw .file(FileError("make the directory", path: path, code: ENOENT))
      }
      try create(parent, system)
      guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
        throw .file(FileError("make the directory", path: path, code: errno))
      }
      try flushParent(of: path, system)
    default: throw .file(FileError("make the directory", path: path, code: errno))
    }
  }

  private static func flushParent(of path: String, _ system: SystemCalls) throws(CheckpointError) {
    let parent = parent(of: path) ?? "."
    let number = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard number >= 0 else { throw .file(FileError("open the directory", path: parent, code: errno)) }
    defer { close(number) }
    guard system.synchronize(number) == 0 else {
      throw .file(FileError("flush to disk", path: parent, code: errno))
    }
  }

  /// The directory that holds `path`; nil where its name alone is given.
  private static func parent(of path: String) -> String? {
    var bytes = Array(path.utf8)
    let slash = UInt8(ascii: "/")
    while bytes.count > 1 && bytes.last == slash { bytes.removeLast() }
    guard let last = bytes.lastIndex(of: slash) else { return nil }
    return last == 0 ? "/" : String(decoding: bytes[..<last], as: UTF8.self)
  }
}
