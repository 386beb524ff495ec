import CLibrary

/// A new file that replaces another one completely or not at all.
///
/// It is written next to the target under a temporary name, flushed to disk and renamed over the target, and
/// then the directory is flushed. Whenever the program or the machine stops, the path holds either the
/// complete old file or the complete new one. Without that order, a rename can reach the disk before the
/// contents do. The target may be open for reading in the meantime, by this program too: such a reader keeps
/// the old file.
///
/// A replacement that ends without ``commit()`` removes its temporary file. A killed program cannot do so:
/// the next replacement in the directory removes the file.
///
/// The new file has the old one's permissions and, if the system permits it, its owner. Without an old file,
/// it has the usual permissions of a new one. It is never more readable than the old file, not even for a
/// moment. A symbolic link at the path is followed. A pipe or a device receives the bytes in order, after all
/// of them have been written.
package struct FileReplacement: ~Copyable, Sendable {
  /// The destination of the file.
  package let target: FileTarget
  private let temporary: Temporary
  private let system: SystemCalls
  private var isPending: Bool

  /// The path as it was given.
  package var path: String { target.path }

  /// Creates the temporary file next to `path`.
  package init(of path: String, system: SystemCalls = .live) throws(FileError) {
    // The directory is opened before anything is written: if it cannot be flushed, this is known before the
    // old file is gone.
    try self.init(of: FileTarget(path, system: system), system: system)
  }

  /// Creates the temporary file next to a target, with a new name unless one is given.
  init(
    of target: consuming FileTarget, temporaryName: String? = nil, system: SystemCalls
  ) throws(FileError) {
    let temporary = try Self.temporaryFile(target, temporaryName, system)
    isPending = !target.isStream
    self.target = target
    self.temporary = temporary
    self.system = system
  }

  private struct Temporary: ~Copyable, Sendable {
    let name: String
    let file: FileDescriptor
  }

  private static func temporaryFile(
    _ target: borrowing FileTarget, _ givenName: String?, _ system: SystemCalls
  ) throws(FileError) -> Temporary {
    if target.isStream {
      return Temporary(name: "", file: try unnamedFile(path: target.path, system: system))
    }
    if givenName == nil { TemporaryFiles.removeDead(in: target.directory) }
    while true {
      let name = givenName ?? TemporaryFiles.newName()
      let file = try TemporaryFiles.create(name, in: target.directory) { () throws(FileError) in
        try FileDescriptor(
          opening: name, path: target.path, in: target.directory.number, flags: O_WRONLY | O_CREAT | O_EXCL,
          mode: target.status == nil ? 0o666 : 0o600, to: "create a file next to", system: system)
      }
      do {
        if try TemporaryFiles.claim(file) {
          try takePermissions(of: target, file)
          return Temporary(name: name, file: file)
        }
        TemporaryFiles.forget(name, in: target.directory)
      } catch {
        TemporaryFiles.remove(name, in: target.directory)
        throw error
      }
    }
  }

  private static func takePermissions(
    of target: borrowing FileTarget, _ file: borrowing FileDescriptor
  ) throws(FileError) {
    guard let old = target.status else { return }
    // If the group cannot be kept, the new group must not get the old group's permissions.
    let keepsGroup =
      fchown(file.number, old.st_uid, old.st_gid) == 0 || fchown(file.number, uid_t.max, old.st_gid) == 0
    guard fchmod(file.number, old.st_mode & (keepsGroup ? 0o777 : 0o707)) == 0 else {
      throw FileError("set the permissions of", path: target.path, code: errno)
    }
  }

  /// Creates a file that nobody else can open, for bytes that go to a pipe or a device at the end.
  private static func unnamedFile(path: String, system: SystemCalls) throws(FileError) -> FileDescriptor {
    let directory = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    let name = "\(directory)/\(TemporaryFiles.newName())"
    let file = try FileDescriptor(
      opening: name, path: directory, flags: O_RDWR | O_CREAT | O_EXCL, mode: 0o600,
      to: "create a file in", system: system)
    unlink(name)
    return file
  }

  deinit {
    if isPending { TemporaryFiles.remove(temporary.name, in: target.directory) }
  }

  /// Writes `bytes` at `offset`. Offsets may come in any order.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) {
    try temporary.file.write(bytes, at: offset)
  }

  /// Replaces the old file with the new one durably.
  ///
  /// If this throws, the old file is intact. The one exception is a failure of the last operation, flushing
  /// the directory: the new file is then in place and complete, but may not survive a loss of power.
  package consuming func commit() throws(FileError) {
    guard isPending else { return try copyToStream() }
    try synchronize()
    guard system.rename(target.directory.number, temporary.name, target.name) == 0 else {
      throw FileError("replace", path: path, code: errno)
    }
    isPending = false
    TemporaryFiles.forget(temporary.name, in: target.directory)
    try target.directory.synchronize()
  }

  /// Waits until the new file is on disk.
  func synchronize() throws(FileError) { try temporary.file.synchronize() }

  /// Returns the new file's version, which a rename does not change.
  func stamp() throws(FileError) -> String { try temporary.file.status().stamp }

  /// Hands the temporary file over to a transaction.
  consuming func handOver() {
    isPending = false
    TemporaryFiles.forget(temporary.name, in: target.directory)
  }

  private func copyToStream() throws(FileError) {
    if let number = target.openDescriptor { return try copy(to: number) }
    // Opening a pipe waits for its reader.
    let stream = try FileDescriptor(
      opening: target.name, path: path, in: target.directory.number, flags: O_WRONLY, to: "write to")
    try copy(to: stream.number)
  }

  private func copy(to number: Int32) throws(FileError) {
    let byteCount = Int(try temporary.file.status().st_size)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: min(byteCount, 1 << 20), alignment: 1)
    defer { buffer.deallocate() }
    for offset in stride(from: 0, to: byteCount, by: 1 << 20) {
      let count = try temporary.file.read(into: buffer, at: offset)
      try FileDescriptor.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), to: number, path: path)
    }
  }
}
