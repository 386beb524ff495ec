/// The checksums of a checkpoint's files, as a file that `xxhsum --check` takes too: `<16 hexadecimal digits>
/// <name>`.
struct ChecksumList: Equatable {
  /// The file's own name in a checkpoint.
  static let fileName = "checksums.xxh64"

  /// XXH64 by file name.
  var checksums: [String: UInt64] = [:]

  init() {}

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

  /// One line a file.
  var text: [UInt8] {
    checksums.sorted { $0.key < $1.key }.flatMap { name, checksum in
      let digits = String(checksum, radix: 16)
      return Array("\(String(repeating: "0", count: 16 - digits.count))\(digits)  \(name)\n".utf8)
    }
  }
}
