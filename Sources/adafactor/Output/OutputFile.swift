import ArgumentParser
import Foundation
import Safetensors

/// A file that a command writes. All outputs of the tool go through it.
///
/// `-` is standard output. Links are followed, pipes and devices get the bytes as they are written, and a
/// regular file is replaced in one operation when everything is computed, with its permissions kept. Create
/// an `OutputFile` before long work: it checks the destination.
struct OutputFile: ~Copyable {
  /// The path for the library: only the tool understands `-`.
  let path: String
  private let option: String

  /// Creates the destination that an option names.
  ///
  /// - Parameters:
  ///   - path: The option's value.
  ///   - option: The option, for messages.
  ///   - endings: The endings of the formats that can be written; empty if any will do. A name without an
  ///     ending is accepted, and so is a pipe or a device.
  init(_ path: String, option: String, endings: [String] = []) throws {
    self.path = path == "-" ? "/dev/stdout" : path
    self.option = option
    let target = try FileTarget(self.path)
    let ending = URL(filePath: path).pathExtension
    guard endings.isEmpty || ending.isEmpty || target.isStream || endings.contains(ending.lowercased()) else {
      let known = endings.map { ".\($0)" }.joined(separator: ", ")
      throw ValidationError(
        "\(option) is \(path), but .\(ending) is not a format that can be written: use \(known).")
    }
    try target.check()
  }

  /// Whether this is standard output. Reports must not mix with the file then.
  var isStandardOutput: Bool {
    (try? FileTarget(path).isSame(as: FileTarget("/dev/stdout"))) ?? false
  }

  /// Throws if another option names the same file: writing it would destroy the other.
  func requireOther(than path: String?, of other: String) throws {
    guard let path else { return }
    // An input that cannot be found is reported when it is read.
    guard let theirs = try? FileTarget(path == "-" ? "/dev/stdout" : path) else { return }
    guard try !FileTarget(self.path).isSame(as: theirs) else {
      throw ValidationError("\(other) and \(option) are the same file: \(path).")
    }
  }

  /// Writes the whole file.
  func write(_ text: String) throws { try write { try $0(text) } }

  /// Writes the file piece by piece, in the order in which `body` passes the pieces to its argument.
  func write(_ body: ((_ piece: String) throws -> Void) throws -> Void) throws {
    let replacement = try FileReplacement(of: path)
    var offset = 0
    try body { piece in
      let bytes = Array(piece.utf8)
      try bytes.span.bytes.withUnsafeBytes { (bytes) throws(FileError) in
        try replacement.write(bytes, at: offset)
      }
      offset += bytes.count
    }
    try replacement.commit()
  }
}
