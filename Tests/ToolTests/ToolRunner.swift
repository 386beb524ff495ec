import Foundation
import Testing

/// Runs the built `adafactor` executable as a user would, and reports what it wrote and how it ended.
enum ToolRunner {
  struct Result {
    let status: Int32
    let output: String
    let errors: String

    /// The lines of standard output, without the last line ending.
    var lines: [String] {
      output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }
  }

  /// Runs `adafactor` with these arguments. Its standard output is not a terminal.
  static func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Result {
    try run(arguments, environment: environment)
  }

  /// Runs a shell script in which `$adafactor` is the tool.
  static func shell(_ script: String, in folder: URL) throws -> Result {
    try run(
      ["-c", "cd \"$1\" && adafactor=$2 && \(script)", "sh", folder.path, executable().path],
      executable: URL(filePath: "/bin/sh"))
  }

  static func run(
    _ arguments: [String], environment: [String: String] = [:], executable: URL? = nil
  ) throws -> Result {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    // Files instead of pipes: a full pipe that is not read would block the tool.
    let outputFile = folder.appendingPathComponent("output")
    let errorFile = folder.appendingPathComponent("errors")
    let process = Process()
    process.executableURL = try executable ?? self.executable()
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try handle(writing: outputFile)
    process.standardError = try handle(writing: errorFile)
    try process.run()
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus,
      output: try String(contentsOf: outputFile, encoding: .utf8),
      errors: try String(contentsOf: errorFile, encoding: .utf8))
  }

  /// Returns a new empty folder, which the caller removes.
  static func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "adafactor-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  /// Calls `body` with a new empty folder, and removes it afterwards.
  static func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  /// Returns the product `adafactor`, which is built into the folder of the test bundle.
  static func executable() throws -> URL {
    let bundles = Bundle.allBundles.map(\.bundleURL).filter { $0.pathExtension == "xctest" }
    let starts = bundles + [URL(fileURLWithPath: CommandLine.arguments[0])]
    let candidates = starts.map { $0.deletingLastPathComponent().appendingPathComponent("adafactor") }
    return try #require(
      candidates.first { FileManager.default.isExecutableFile(atPath: $0.path) },
      "no executable adafactor in \(candidates.map(\.path))")
  }

  private static func handle(writing url: URL) throws -> FileHandle {
    try Data().write(to: url)
    return try FileHandle(forWritingTo: url)
  }
}
