/// A file that cannot be read or written, and why.
struct FileError: Error, Equatable, CustomStringConvertible {
  let path: String
  let problem: String

  var description: String { "\(path): \(problem)" }
}
