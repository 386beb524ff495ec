import CLibrary

/// A file operation that the system refused, and the reason.
public struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The operation: a verb with its complement, as in "cannot *read*".
  public let operation: String
  /// The file or directory.
  public let path: String
  /// The system's `errno`.
  public let code: Int32

  package init(_ operation: String, path: String, code: Int32) {
    self.operation = operation
    self.path = path
    self.code = code
  }

  /// The operation, the path and the system's text for `code`.
  public var description: String {
    "cannot \(operation) \(path): \(String(cString: strerror(code))) (errno \(code))"
  }
}
