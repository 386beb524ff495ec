import Foundation
import Testing

/// A Python interpreter that has the packages of the reference.
struct Python {
  private let path: String

  /// One with torch, transformers and safetensors, found at REFERENCE_PYTHON or on the path; nil where there
  /// is none.
  static let reference: Python? = {
    let environment = ProcessInfo.processInfo.environment
    let folders = (environment["PATH"] ?? "").split(separator: ":")
    let candidates = [environment["REFERENCE_PYTHON"]].compactMap { $0 } + folders.map { "\($0)/python3" }
    // Looking for the packages is quick, importing them is not.
    let program =
      "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ['torch', 'transformers', 'safetensors'])))"
    return candidates.filter { FileManager.default.isExecutableFile(atPath: $0) }.map(Python.init)
      .first { (try? $0.run("-c", program)) != nil }
  }()

  static let explanation: Comment =
    "No python3 with torch, transformers and safetensors; REFERENCE_PYTHON may name one."

  struct Failure: Error { let output: String }

  /// What a program prints.
  @discardableResult
  func run(_ arguments: String...) throws -> String { try run(arguments) }

  @discardableResult
  func run(_ arguments: [String]) throws -> String {
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
