import ScalarTypes

/// The checksums of a checkpoint's files, as a file that `xxhsum --check` takes too: `<16 hexadecimal digits>
/// <name>`.
struct ChecksumList: Equatable {
  /// The file's own name in a checkpoint.
  static let fileName = "checksums.xxh64"

  /// The longest list that is read, in bytes.
  private static let byteCountLimit = 1 << 24

  /// How the name of a file of tensors ends.
  static let tensorsEnding = ".safetensors"

  /// Whether a list can name this file.
  static func isFileOfCheckpoint(_ file: String) -> Bool {
    file == TrainingRecord.fileName || file.hasSuffix(tensorsEnding)
  }

  /// XXH64 by file name.
  var checksums: [String: UInt64] = [:]

  init() {}

  /// The list of the checkpoint at `path`.
  init(checkpoint path: String) throws(CheckpointError) {
    let text = try PlainFile.contents(of: Self.fileName, in: path, limit: Self.byteCountLimit)
    guard let list = ChecksumList(text: text) else {
      throw .malformed(path: path, place: Self.fileName, problem: "not a whole list of checksums")
    }
    self = list
  }

  /// The list that `text` holds.
  init?(text: [UInt8]) {
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    // Without the newline at its end the last line may have been cut.
    guard lines.last?.isEmpty == true else { return nil }
    for line in lines.dropLast() {
      let line = String(decoding: line, as: UTF8.self)
      guard let space = line.firstIndex(of: " "), line[space...].hasPrefix("  "),
        let checksum = UInt64(line[..<space], radix: 16)
      else { return nil }
      checksums[String(line[space...].dropFirst(2))] = checksum
    }
    // Digits in upper case and lines in another order say the same, but nobody wrote them.
    guard self.text == text else { return nil }
  }

  /// The names of all files of a checkpoint with this list.
  var files: Set<ExactString> { Set((Array(checksums.keys) + [Self.fileName]).map { ExactString($0) }) }

  /// One line a file.
  var text: [UInt8] {
    checksums.sorted { $0.key < $1.key }.flatMap { name, checksum in
      Array("\(Self.digits(checksum))  \(name)\n".utf8)
    }
  }

  /// A checksum in 16 hexadecimal digits.
  static func digits(_ checksum: UInt64) -> String {
    let digits = String(checksum, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
