import CLibrary
import Synchronization

/// The unfinished files of this process, which are removed if a signal ends it.
package enum TemporaryFiles {
  private struct Place: Hashable {
    let directory: Int32
    let name: String
  }

  private static let places = Mutex<Set<Place>>([])

  /// The prefix of the names of unfinished files. The names do not contain the target's name, which may be as
  /// long as the file system permits.
  package static let prefix = ".replacement-"

  /// Returns a new name. Its second half follows from the first, so that no file of another origin matches.
  package static func newName() -> String { name(UInt64.random(in: 0...UInt64.max)) }

  private static func name(_ random: UInt64) -> String {
    prefix + random.hexadecimal + (random &* 0x9E37_79B9_7F4A_7C15).hexadecimal
  }

  /// Returns whether this program gave the name to an unfinished file.
  package static func isName(_ name: String) -> Bool {
    guard name.hasPrefix(prefix) else { return false }
    return UInt64(name.dropFirst(prefix.count).prefix(16), radix: 16).map { Self.name($0) == name } ?? false
  }

  /// Creates a file that is unfinished until ``forget(_:in:)``. ``removeAll(andThen:)`` cannot run in
  /// between.
  ///
  /// - Parameter isOurs: Whether the file that `create` returns must be removed; otherwise, another process
  ///   has it.
  static func create(
    _ name: String, in directory: borrowing FileDescriptor,
    if isOurs: (borrowing FileDescriptor) -> Bool = { _ in true },
    _ create: () throws(FileError) -> FileDescriptor
  ) throws(FileError) -> FileDescriptor {
    let place = Place(directory: directory.number, name: name)
    return try places.withLock { (places) throws(FileError) in
      let file = try create()
      if isOurs(file) { places.insert(place) }
      return file
    }
  }

  /// Registers a file that is unfinished until ``forget(_:in:)``.
  static func add(_ name: String, in directory: borrowing FileDescriptor) {
    let place = Place(directory: directory.number, name: name)
    _ = places.withLock { $0.insert(place) }
  }

  static func forget(_ name: String, in directory: borrowing FileDescriptor) {
    let place = Place(directory: directory.number, name: name)
    _ = places.withLock { $0.remove(place) }
  }

  /// Removes a file that was not finished.
  static func remove(_ name: String, in directory: borrowing FileDescriptor) {
    unlinkat(directory.number, name, 0)
    forget(name, in: directory)
  }

  /// Removes the unfinished files of this process, which is about to end, and then calls `end`.
  package static func removeAll(andThen end: () -> Void) {
    // Other threads wait for the lock, so no new file becomes unfinished.
    places.withLock { places in
      for place in places { unlinkat(place.directory, place.name, 0) }
      end()
    }
  }

  /// Calls `body` while ``removeAll(andThen:)`` waits.
  static func withoutRemoval(_ body: () throws(FileError) -> Void) throws(FileError) {
    try places.withLock { (_) throws(FileError) in try body() }
  }

  /// Takes the lock that shows other processes that this file's process is running. Returns `false` if
  /// another process has already removed the file as a leftover.
  static func claim(_ file: borrowing FileDescriptor) throws(FileError) -> Bool {
    while flock(file.number, LOCK_EX) != 0 && errno == EINTR {}
    // Without locks, nothing is ever removed.
    return try file.status().st_nlink > 0
  }

  /// Removes the unfinished files in a directory whose processes have ended.
  static func removeDead(in directory: borrowing FileDescriptor) {
    let copy = openat(directory.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0, let stream = fdopendir(copy) else { return }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard isName(name),
        let file = try? FileDescriptor(
          opening: name, path: name, in: directory.number, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
          to: "open"),
        let status = try? file.status(), status.st_mode & S_IFMT == S_IFREG,
        flock(file.number, LOCK_EX | LOCK_NB) == 0
      else { continue }
      unlinkat(directory.number, name, 0)
    }
  }
}

extension UInt64 {
  /// The number in sixteen hexadecimal digits.
  var hexadecimal: String {
    let digits = String(self, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
