import CLibrary

/// A new file that takes the place of another at once, or not at all.
///
/// It is written beside the target under a temporary name, flushed to disk, renamed over the target, and then
/// the directory is flushed: whenever the program or the machine stops, the path holds the whole old file or
/// the whole new one. Without that order a rename can reach the disk before the contents do. The target may
/// be open for reading meanwhile, by this program too: such a reader keeps the old file.
///
/// A replacement that ends without ``commit()`` removes its temporary file. A killed program cannot; what it
/// leaves begins with ``temporaryPrefix`` and is safe to delete.
///
/// The new file has the old one's permissions, or the usual ones of a new file. A symbolic link at the path
/// is itself replaced. Anything else that is not a regular file, such as a device, is refused.
package struct FileReplacement: ~Copyable, Sendable {
  /// Where the file will be.
  package let path: String
  private let name: String
  private let temporaryName: String
  private let directory: FileDescriptor
  private let file: FileDescriptor
  private let system: SystemCalls
  private var isPending = true

  /// How the names of unfinished files begin. They do not contain the target's name, which may be as long as
  /// the file system permits.
  package static let temporaryPrefix = ".replacement-"

  /// Creates the temporary file beside `path`.
  package init(of path: String, system: SystemCalls = .live) throws(FileError) {
    let (directoryPath, name) = Self.split(path)
    // Open before anything is written: a directory that cannot be flushed is known before the old file is
    // gone.
    let directory = try FileDescriptor(
      opening: directoryPath, path: directoryPath, flags: O_RDONLY | O_DIRECTORY, to: "open the directory",
      system: system)
    let permissions = try Self.permissions(of: name, path: path, in: directory.number)
    let temporaryName = Self.temporaryPrefix + String(UInt64.random(in: 0...UInt64.max), radix: 16)
    let file = try FileDescriptor(
      opening: temporaryName, path: path, in: directory.number, flags: O_WRONLY | O_CREAT | O_EXCL,
      mode: 0o666,
      to: "create a file beside", system: system)
    if let permissions, fchmod(file.number, permissions) != 0 {
      let error = FileError("set the permissions of", path: path, code: errno)
      unlinkat(directory.number, temporaryName, 0)
      throw error
    }
    self.path = path
    self.name = name
    self.temporaryName = temporaryName
    self.system = system
    self.directory = directory
    self.file = file
  }

  deinit {
    if isPending { unlinkat(directory.number, temporaryName, 0) }
  }

  /// Writes `bytes` from `offset` on; offsets may come in any order.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) {
    try file.write(bytes, at: offset)
  }

  /// Puts the new file in the old one's place, for good.
  ///
  /// If this throws, the old file is intact; except when the very last step, flushing the directory, fails:
  /// then the new file is in place and complete, but may not survive a loss of power.
  package consuming func commit() throws(FileError) {
    try file.synchronize()
    guard system.rename(directory.number, temporaryName, name) == 0 else {
      throw FileError("replace", path: path, code: errno)
    }
    isPending = false
    try directory.synchronize()
  }

  /// The directory's path and the name in it. A path that ends in a slash has no name.
  private static func split(_ path: String) -> (directory: String, name: String) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
    let directory = path[..<slash]
    return (directory.isEmpty ? "/" : String(directory), String(path[path.utf8.index(after: slash)...]))
  }

  /// The permissions of the file to be replaced, `nil` where there is none.
  private static func permissions(
    of name: String, path: String, in directory: Int32
  ) throws(FileError) -> mode_t? {
    guard !name.isEmpty else { throw FileError("write to", path: path, code: EISDIR) }
    guard !name.utf8.contains(0) else { throw FileError("write to", path: path, code: EINVAL) }
    var status = stat()
    guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
      if errno == ENOENT { return nil }
      throw FileError("examine", path: path, code: errno)
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return status.st_mode & 0o777
    case S_IFLNK: return nil
    case S_IFDIR: throw FileError("replace", path: path, code: EISDIR)
    default: throw FileError("replace what is not a regular file", path: path, code: EINVAL)
    }
  }
}
