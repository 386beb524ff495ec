import Foundation

/// A folder that is deleted with this object.
package final class TemporaryFolder: Sendable {
  /// The path of the folder.
  package let path: String

  /// Creates an empty folder.
  package init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "tests-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Returns the path of a file in the folder.
  package func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a file into the folder and returns its path.
  package func file(_ name: String, holding bytes: [UInt8]) throws -> String {
    try write(bytes, to: file(name))
    return file(name)
  }

  /// Returns the sorted names of all files in the folder.
  package func names() throws -> [String] { try TestSupport.names(in: path) }
}

/// Returns the contents of the file at `path`.
package func contents(_ path: String) throws -> [UInt8] {
  try [UInt8](Data(contentsOf: URL(filePath: path)))
}

/// Replaces the contents of the file at `path`.
package func write(_ bytes: [UInt8], to path: String) throws {
  try Data(bytes).write(to: URL(filePath: path))
}

/// Returns the sorted names of everything in the directory at `path`.
package func names(in path: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: path).sorted()
}
