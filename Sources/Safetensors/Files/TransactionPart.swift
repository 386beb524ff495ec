import CLibrary

/// One of the files that a transaction replaces.
final class TransactionPart {
  let directory: FileDescriptor
  let path: String
  private let name: String
  /// The directory as in the record: `.` for the record's own directory, which may be moved.
  private let directoryPath: String
  private let names: TransactionNames
  /// The versions of the file, empty if there is none.
  private let oldStamp: String
  private let newStamp: String
  private let system: SystemCalls

  enum State { case old, new, changed }

  /// Creates the part of an output that is being written.
  init(
    _ replacement: borrowing FileReplacement, seenFrom lock: FileLock, _ system: SystemCalls
  ) throws(FileError) {
    directory = try FileDescriptor(
      opening: ".", path: replacement.target.directory.path, in: replacement.target.directory.number,
      flags: O_RDONLY | O_DIRECTORY, to: "open the directory", system: system)
    path = replacement.path
    name = replacement.target.name
    names = TransactionNames(of: name)
    let (ours, theirs) = (try directory.status(), try lock.target.directory.status())
    if ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino {
      directoryPath = "."
    } else {
      guard let absolute = realpath(directory.path, nil) else {
        throw FileError("find", path: directory.path, code: errno)
      }
      defer { free(absolute) }
      directoryPath = String(cString: absolute)
    }
    oldStamp = try directory.status(of: name, path: path)?.stamp ?? ""
    newStamp = try replacement.stamp()
    self.system = system
  }

  /// Creates the part that a record describes.
  init(fields: ArraySlice<String>, seenFrom lock: FileLock, _ system: SystemCalls) throws(FileError) {
    let fields = Array(fields)
    (directoryPath, name, oldStamp, newStamp) = (fields[0], fields[1], fields[2], fields[3])
    names = TransactionNames(of: name)
    let isOwn = directoryPath == "."
    directory = try FileDescriptor(
      opening: directoryPath, path: isOwn ? lock.target.directory.path : directoryPath,
      in: isOwn ? lock.target.directory.number : AT_FDCWD, flags: O_RDONLY | O_DIRECTORY,
      to: "open the directory", system: system)
    path = "\(directory.path)/\(name)"
    self.system = system
  }

  var fields: [String] { [directoryPath, name, oldStamp, newStamp] }

  /// Returns whether the new file still waits for its rename.
  func hasNew() throws(FileError) -> Bool { try directory.status(of: names.new, path: path) != nil }

  /// Returns the version of the file that is in place.
  func state() throws(FileError) -> State {
    switch try directory.status(of: name, path: path)?.stamp ?? "" {
    case newStamp: .new
    case oldStamp: .old
    default: .changed
    }
  }

  /// Keeps the old file under a second name, for ``restoreOld()``.
  func keepOld() throws(FileError) {
    guard !oldStamp.isEmpty, system.link(directory.number, name, names.old) != 0 else { return }
    // Some file systems have no hard links.
    let file = try FileDescriptor(
      opening: name, path: path, in: directory.number, flags: O_RDONLY, to: "open", system: system)
    let copy = try FileDescriptor(
      opening: names.old, path: path, in: directory.number, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o600,
      to: "create a file next to", system: system)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 1)
    defer { buffer.deallocate() }
    var offset = 0
    while case let count = try file.read(into: buffer, at: offset), count > 0 {
      try copy.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: offset)
      offset += count
    }
    let status = try file.status()
    _ = fchown(copy.number, status.st_uid, status.st_gid)
    _ = fchmod(copy.number, status.st_mode & 0o777)
    // The copy gets the version of the file that it may have to replace.
    _ = futimens(copy.number, status.times)
    try copy.synchronize()
  }

  /// Puts the new file in place unless it is already there. Returns the system's error code if it refuses.
  func renameNew() throws(FileError) -> Int32? {
    guard try hasNew() else { return nil }
    return system.rename(directory.number, names.new, name) == 0 ? nil : errno
  }

  /// Puts the old file back if the new one is in place.
  func restoreOld() throws(FileError) {
    guard try !hasNew(), try state() == .new else { return }
    let result =
      oldStamp.isEmpty
      ? system.unlink(directory.number, name) : system.rename(directory.number, names.old, name)
    guard result == 0 else { throw FileError("restore", path: path, code: errno) }
  }

  func removeTemporaries() {
    for name in [names.new, names.old] { _ = system.unlink(directory.number, name) }
  }
}

extension stat {
  /// The version of a file, as precise as the file system's clock.
  var stamp: String {
    "\(st_size) \(times[1].tv_sec) \(times[1].tv_nsec)"
  }

  /// The times of the last access and the last change.
  fileprivate var times: [timespec] {
    #if canImport(Darwin)
      [st_atimespec, st_mtimespec]
    #else
      [st_atim, st_mtim]
    #endif
  }
}
