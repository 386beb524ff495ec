import CLibrary

/// An open file or directory that is closed at the end of its lifetime.
///
/// Reads and writes are positioned: there is no shared cursor, so several threads can use one descriptor.
package struct FileDescriptor: ~Copyable, Sendable {
  /// The system's number of this file.
  package let number: Int32
  package let path: String
  private let system: SystemCalls

  /// The maximum number of bytes per call: Darwin refuses counts above 2³¹ − 1, Linux shortens them.
  private static let callByteCountLimit = 1 << 30

  /// Opens `path`, relative to the working directory or to `directory`.
  package init(
    opening name: String, path: String, in directory: Int32 = AT_FDCWD, flags: Int32, mode: mode_t = 0,
    to operation: String, system: SystemCalls = .live
  ) throws(FileError) {
    // C would silently open the file whose name ends at the zero byte.
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

  /// Returns the current size, kind and permissions.
  package func status() throws(FileError) -> stat {
    var status = stat()
    guard fstat(number, &status) == 0 else { throw FileError("examine", path: path, code: errno) }
    return status
  }

  /// Fills `buffer` with the bytes from `offset`, and returns their number, which is smaller than the buffer
  /// only at the end of the file.
  package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int {
    guard let start = buffer.baseAddress else { return 0 }
    return try transfer(buffer.count, "read") { system.read(number, start + $0, $1, offset + $0) }
  }

  /// Writes all of `bytes` at `offset`.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) {
    guard let start = bytes.baseAddress else { return }
    let done = try transfer(bytes.count, "write") { system.write(number, start + $0, $1, offset + $0) }
    // No file system should write less. Without this check, one that does would lose data.
    guard done == bytes.count else { throw FileError("write", path: path, code: EIO) }
  }

  /// Writes all of `bytes` to an open file of any kind, at the end of the last write.
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
        // Another program that shares the pipe or terminal has made it non-blocking.
        var room = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
        poll(&room, 1, -1)
      } else if count == 0 || errno != EINTR {
        throw FileError("write to", path: path, code: count == 0 ? EIO : errno)
      }
    }
  }

  /// Repeats a call until it has transferred `count` bytes or returns 0, and returns the number of bytes.
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

  /// Waits until everything that was written is on disk.
  package func synchronize() throws(FileError) {
    while system.synchronize(number) != 0 {
      if errno != EINTR { throw FileError("flush to disk", path: path, code: errno) }
    }
  }
}

private let systemWrite = write(_:_:_:)
