import CLibrary

/// The system calls that decide, by their failures and their order, whether data survives.
///
/// Code calls them through a value, so that a test can make a call fail, return early or be interrupted, and
/// can record the order. Each one behaves like the call that it is named after: −1 means failure, with the
/// reason in `errno`.
package struct SystemCalls: Sendable {
  package var open: @Sendable (_ directory: Int32, String, _ flags: Int32, mode_t) -> Int32 = {
    openat($0, $1, $2, $3)
  }
  package var read: @Sendable (Int32, UnsafeMutableRawPointer, Int, Int) -> Int = {
    pread($0, $1, $2, off_t($3))
  }
  package var write: @Sendable (Int32, UnsafeRawPointer, Int, Int) -> Int = { pwrite($0, $1, $2, off_t($3)) }
  /// Flushes the contents of a file or directory to the disk itself.
  package var synchronize: @Sendable (Int32) -> Int32 = { descriptor in
    #if canImport(Darwin)
      // Darwin's fsync stops at the drive's cache; F_FULLFSYNC does not, but some file systems lack it.
      if fcntl(descriptor, F_FULLFSYNC) == 0 { return 0 }
    #endif
    return fsync(descriptor)
  }
  package var rename: @Sendable (_ directory: Int32, _ from: String, _ to: String) -> Int32 = {
    renameat($0, $1, $0, $2)
  }
  package var link: @Sendable (_ directory: Int32, _ from: String, _ to: String) -> Int32 = {
    linkat($0, $1, $0, $2, 0)
  }
  package var unlink: @Sendable (_ directory: Int32, String) -> Int32 = { unlinkat($0, $1, 0) }

  /// The system's own calls.
  package static let live = SystemCalls()
}
