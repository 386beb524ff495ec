import CLibrary

/// The destination that a path leads to through symbolic links.
package struct FileTarget: ~Copyable, Sendable {
  /// The path as it was given.
  package let path: String
  /// The directory that holds the file.
  let directory: FileDescriptor
  /// The name in that directory.
  let name: String
  /// The file that exists there, or `nil`.
  let status: stat?
  /// The number in a path such as `/dev/stdout` or `/dev/fd/3`, which names a file that is already open.
  let openDescriptor: Int32?

  /// The maximum length of a chain of links, as on Linux.
  private static let linkLimit = 40

  /// Follows `path` to its end.
  package init(_ path: String, system: SystemCalls = .live) throws(FileError) {
    var place = path
    for _ in 0...Self.linkLimit {
      if let number = Self.openDescriptor(place) {
        var status = stat()
        guard fstat(number, &status) == 0 else { throw FileError("write to", path: path, code: errno) }
        let directory = try FileDescriptor(opening: "/dev", path: "/dev", flags: O_RDONLY, to: "open")
        self.init(path, directory, "fd/\(number)", status, openDescriptor: number)
        return
      }
      let (directoryPath, name) = Self.split(place)
      guard !name.isEmpty else { throw FileError("write to", path: path, code: EISDIR) }
      guard !name.utf8.contains(0) else { throw FileError("write to", path: path, code: EINVAL) }
      let directory = try FileDescriptor(
        opening: directoryPath, path: directoryPath, flags: O_RDONLY | O_DIRECTORY,
        to: "open the directory", system: system)
      let status = try directory.status(of: name, path: path)
      guard let status, status.st_mode & S_IFMT == S_IFLNK else {
        if let status, status.st_mode & S_IFMT == S_IFDIR {
          throw FileError("replace", path: path, code: EISDIR)
        }
        self.init(path, directory, name, status)
        return
      }
      let destination = try directory.destination(ofLink: name, path: path)
      place = destination.hasPrefix("/") ? destination : "\(directoryPath)/\(destination)"
    }
    throw FileError("follow the links of", path: path, code: ELOOP)
  }

  private init(
    _ path: String, _ directory: consuming FileDescriptor, _ name: String, _ status: stat?,
    openDescriptor: Int32? = nil
  ) {
    self.path = path
    self.directory = directory
    self.name = name
    self.status = status
    self.openDescriptor = openDescriptor
  }

  /// Whether the file can only be written from start to end: a pipe, a device, or an open descriptor.
  package var isStream: Bool {
    openDescriptor != nil || status.map { $0.st_mode & S_IFMT != S_IFREG } ?? false
  }

  /// Returns whether both are the same file, whatever their paths.
  ///
  /// Two hard links are different files: writing one replaces it and leaves the other unchanged.
  package func isSame(as other: borrowing FileTarget) throws(FileError) -> Bool {
    if let status, let theirs = other.status, status.st_dev == theirs.st_dev, status.st_ino == theirs.st_ino,
      isStream || other.isStream || status.st_nlink == 1
    {
      return true
    }
    let (directory, theirs) = (try directory.status(), try other.directory.status())
    return directory.st_dev == theirs.st_dev && directory.st_ino == theirs.st_ino
      && Array(name.utf8) == Array(other.name.utf8)
  }

  /// Checks that the file can be written, without changing it or its directory.
  package func check() throws(FileError) {
    if isStream {
      guard openDescriptor != nil || faccessat(directory.number, name, W_OK, 0) == 0 else {
        throw FileError("write to", path: path, code: errno)
      }
    } else {
      _ = try FileReplacement(of: path)
    }
  }

  /// Returns the directory's path and the name in it. A path that ends in a slash has no name.
  private static func split(_ path: String) -> (directory: String, name: String) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
    let directory = path[..<slash]
    return (directory.isEmpty ? "/" : String(directory), String(path[path.utf8.index(after: slash)...]))
  }

  /// Returns the descriptor that a path names. Opening the path again would lose its position and fails for a
  /// socket, so the descriptor itself is used.
  private static func openDescriptor(_ path: String) -> Int32? {
    for (number, name) in ["/dev/stdin", "/dev/stdout", "/dev/stderr"].enumerated() where path == name {
      return Int32(number)
    }
    for prefix in ["/dev/fd/", "/proc/self/fd/"] where path.hasPrefix(prefix) {
      return Int32(path.dropFirst(prefix.count))
    }
    return nil
  }
}

extension FileDescriptor {
  /// Returns the status of an entry in the directory, or `nil` if it doesn't exist. For a link, it is the
  /// status of the link.
  func status(of name: String, path: String) throws(FileError) -> stat? {
    var status = stat()
    if fstatat(number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 { return status }
    if errno == ENOENT { return nil }
    throw FileError("examine", path: path, code: errno)
  }

  fileprivate func destination(ofLink name: String, path: String) throws(FileError) -> String {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes {
      readlinkat(number, name, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
    }
    guard count >= 0 else { throw FileError("follow the link", path: path, code: errno) }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }
}
