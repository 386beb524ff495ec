/// A file that the tool can't read, use or write, and the reason.
struct ToolFileError: Error, Equatable, CustomStringConvertible {
  let path: String
  let problem: String

  var description: String { "\(path): \(problem)" }
}
