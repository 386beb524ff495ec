import Foundation

/// A Python interpreter with the packages that a test needs.
package struct Python: Sendable {
  private let path: String

  /// The error if a program fails, with its output.
  package struct Failure: Error {
    package let output: String
  }

  /// Returns the first interpreter that runs `program` without an error, or `nil` if none does.
  ///
  /// The environment variable named `variable` is tried first, then every `python3` on the path.
  package static func find(variable: String, running program: String) -> Python? {
    let environment = ProcessInfo.processInfo.environment
    let folders = (environment["PATH"] ?? "").split(separator: ":")
    let candidates = [environment[variable]].compactMap { $0 } + folders.map { "\($0)/python3" }
    return candidates.filter { FileManager.default.isExecutableFile(atPath: $0) }.map(Python.init)
      .first { (try? $0.run("-c", program)) != nil }
  }

  /// Runs Python with these arguments and returns the output.
  ///
  /// - Throws: ``Failure`` if the program ends with an error.
  @discardableResult
  package func run(_ arguments: String...) throws -> String { try run(arguments) }

  /// Runs Python with these arguments and returns the output.
  ///
  /// - Throws: ``Failure`` if the program ends with an error.
  @discardableResult
  package func run(_ arguments: [String]) throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: path)
    process.arguments = arguments
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure(output: text) }
    return text
  }
}
