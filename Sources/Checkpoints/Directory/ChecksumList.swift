import ScalarTypes

/// The checksums of a checkpoint's files, in the format of `xxhsum --check`: 16 hexadecimal
/// digits, two spaces, and the name, one file per line.
struct ChecksumList: Equatable {
  /// The file's own name in a checkpoint.
  static let fileName = "checksums.xxh64"

  /// The maximum size of a list, in bytes.
  private static let byteCountLimit = 1 << 24

  /// The ending of the names of tensor files.
  static let tensorsEnding = ".safetensors"

  /// Returns whether a list can name this file.
  static func isFileOfCheckpoint(_ file: String) -> Bool {
    file == TrainingRecord.fileName || file.hasSuffix(tensorsEnding)
  }

  /// XXH64 by file name.
  var checksums: [String: UInt64] = [:]

  init() {}

  /// Reads the list of the checkpoint at `path`.
  init(checkpoint path: String) throws(CheckpointError) {
    let text = try PlainFile.contents(of: Self.fileName, in: path, limit: Self.byteCountLimit)
    guard let list = ChecksumList(text: text) else {
      throw .malformed(path: path, place: Self.fileName, problem: "not a complete list of checksums")
    }
    self = list
  }

  /// Creates the list that `text` holds, or returns `nil` if it is not complete.
  init?(text: [UInt8]) {
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    // Without the newline at the end, the last line may have been cut off.
    guard lines.last?.isEmpty == true else { return nil }
    for line in lines.dropLast() {
      let line = String(decoding: line, as: UTF8.self)
      guard let space = line.firstIndex(of: " "), line[space...].hasPrefix("  "),
        let checksum = UInt64(line[..<space], radix: 16)
      else { return nil }
      checksums[String(line[space...].dropFirst(2))] = checksum
    }
    // Uppercase digits and lines in another order would mean the same, but this program never writes them.
    guard self.text == text else { return nil }
  }

  /// The names of all files of a checkpoint with this list.
  var files: Set<ExactString> { Set((Array(checksums.keys) + [Self.fileName]).map { ExactString($0) }) }

  /// The list with one line per file.
  var text: [UInt8] {
    checksums.sorted { $0.key < $1.key }.flatMap { name, checksum in
      Array("\(Self.digits(checksum))  \(name)\n".utf8)
    }
  }

  /// Returns a checksum in 16 hexadecimal digits.
  static func digits(_ checksum: UInt64) -> String {
    let digits = String(checksum, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
