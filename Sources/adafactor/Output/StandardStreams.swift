import Foundation
import Safetensors

/// Standard output and standard error. Writing to the former can fail; the latter never ends a run.
enum StandardStreams {
  /// Makes every failure of a write an error: of a pipe without a reader, of a file at the size limit, and of a
  /// stream that was closed before the program began.
  static func prepare() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    // The next file to be opened would take a closed stream's number, and get what is meant for the stream.
    // These are open the wrong way around, so that the stream still cannot be used.
    for (number, flags) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY)]
    where fcntl(number, F_GETFD) < 0 {
      _ = open("/dev/null", flags)
    }
  }

  /// Writes to standard output, or throws.
  static func write(_ text: String) throws(FileError) {
    try write(text, to: STDOUT_FILENO, path: "standard output")
  }

  /// Writes to standard error, and does without it if it is full or closed.
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
