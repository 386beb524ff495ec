import CLibrary

/// An open file or directory, closed at the end of its life.
///
/// Reads and writes are positioned: there is no shared cursor, so one descriptor serves several threads.
package struct FileDescriptor: ~Copyable, Sendable {
  /// What the system calls this file.
  package let number: Int32
  package let path: String
  private let system: SystemCalls

  /// Darwin refuses a count above 2³¹ − 1, Linux shortens it.
  private static let callByteCountLimit = 1 << 30

  /// Opens `path`, relative to the working directory or to `directory`.
  package init(
    opening name: String, path: String, in directory: Int32 = AT_FDCWD, flags: Int32, mode: mode_t = 0,
    to operation: String, system: SystemCalls = .live
  ) throws(FileError) {
    // C would silently open the file that is named by the part before a zero byte.
    guard !name.utf8.contains(0) else { throw FileError(operation, path: path, code: EINVAL) }
    var number: Int32
    repeat {
      number = system.open(directory, name, flags | O_CLOEXEC, mode)
    } while number < 0 && errno == EINTR
    guard number >= 0 else { throw FileError(operation, path: path, code: errno) }
    self.number = number
    self.path = path
    self.system = system
  }

  deinit { close(number) }

  /// Size, kind and permissions as they are now.
  package func status() throws(FileError) -> stat {
    var status = stat()
    guard fstat(number, &status) == 0 else { throw FileError("examine", path: path, code: errno) }
    return status
  }

  /// Fills `buffer` from `offset` on, and returns how many bytes there were: fewer only at the end of the
  /// file.
  package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int {
    guard let start = buffer.baseAddress else { return 0 }
    return try transfer(buffer.count, "read") { system.read(number, start + $0, $1, offset + $0) }
  }

  /// Writes all of `bytes` from `offset` on.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) {
    guard let start = bytes.baseAddress else { return }
    let done = try transfer(bytes.count, "write") { system.write(number, start + $0, $1, offset + $0) }
    // No file system should do less; without the check one that does would lose data.
    guard done == bytes.count else { throw FileError("write", path: path, code: EIO) }
  }

  /// Writes all of `bytes` to an open file of any kind, where the last write ended.
  package static func write(
    _ bytes: UnsafeRawBufferPointer, to number: Int32, path: String
  ) throws(FileError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(callByteCountLimit))
      // The module's own write() hides the system's.
      let count = systemWrite(number, piece.baseAddress!, piece.count)
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if count < 0 && errno == EAGAIN {
        // Another program has set the pipe or terminal that is shared with it to do so.
        var room = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
        poll(&room, 1, -1)
      } else if count == 0 || errno != EINTR {
        throw FileError("write to", path: path, code: count == 0 ? EIO : errno)
      }
    }
  }

  /// Repeats a call until it has transferred `count` bytes or says 0, and returns how many it has.
  private func transfer(
    _ count: Int, _ operation: String, _ call: (_ done: Int, _ count: Int) -> Int
  ) throws(FileError) -> Int {
    var done = 0
    while done < count {
      let result = call(done, min(count - done, Self.callByteCountLimit))
      if result == 0 { break }
      if result > 0 {
        done += result
      } else if errno != EINTR {
        throw FileError(operation, path: path, code: errno)
      }
    }
    return done
  }

  /// Waits until what was written is on the disk.
  package func synchronize() throws(FileError) {
    while system.synchronize(number) != 0 {
      if errno != EINTR { throw FileError("flush to disk", path: path, code: errno) }
    }
  }
}

private let systemWrite = write(_:_:_:)
