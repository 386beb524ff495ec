import Foundation
import Safetensors

/// Standard output and standard error. A failed write to standard output throws; one to standard error is
/// ignored.
enum StandardStreams {
  /// Makes every failed write an error: to a pipe without a reader, to a file at the size limit, and to a
  /// stream that was closed before the program began.
  static func prepare() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    // The next file to be opened would take a closed stream's number and receive the stream's output. These
    // descriptors have the wrong direction, so that the stream still cannot be used.
    for (number, flags) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY)]
    where fcntl(number, F_GETFD) < 0 {
      _ = open("/dev/null", flags)
    }
  }

  /// Writes to standard output, or throws.
  static func write(_ text: String) throws(FileError) {
    try write(text, to: STDOUT_FILENO, path: "standard output")
  }

  /// Writes to standard error. If it is full or closed, the text is lost.
  static func report(_ text: String) {
    try? write(text, to: STDERR_FILENO, path: "standard error")
  }

  private static func write(_ text: String, to number: Int32, path: String) throws(FileError) {
    let bytes = Array(text.utf8)
    try bytes.span.bytes.withUnsafeBytes { (bytes) throws(FileError) in
      try FileDescriptor.write(bytes, to: number, path: path)
    }
  }
}
