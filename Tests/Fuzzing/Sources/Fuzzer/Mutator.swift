import CLibFuzzer

/// Numbers that are likely to cause arithmetic errors, which replace other numbers.
private let numbers = [
  "9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551615",
  "9007199254740993", "4611686018427387904", "4294967296", "2147483648", "1000000", "65537", "100", "3", "2",
  "1",
  "0", "-0", "-1", "-2", "0.5", "-0.5", "1e-320", "1e-45", "1e-8", "1e38", "1e39", "1e154", "1e300", "1e308",
  "-1e308", "1e309", "nan", "inf", "-inf", "null", "true", "[]", "{}", "\"\"", "\"NaN\"", "\"Infinity\"",
]

/// Infinities, NaN, extremes and zeros of both signs as Float32 and Float64, and counters.
private let patterns: [[UInt8]] = [
  [0, 0, 128, 127], [0, 0, 128, 255], [0, 0, 192, 127], [255, 255, 127, 127], [1, 0, 0, 0], [0, 0, 0, 128],
  [0, 0, 0, 0, 0, 0, 240, 127], [0, 0, 0, 0, 0, 0, 248, 127], [255, 255, 255, 255, 255, 255, 239, 127],
  [255, 255, 255, 255, 255, 255, 255, 127], [254, 255, 255, 255, 255, 255, 255, 127],
  [0, 0, 0, 0, 0, 0, 0, 128], [0, 0, 0, 0, 0, 0, 0, 0], [128, 127], [128, 255],
]

/// SplitMix64.
private struct Generator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Mutates an input. Half of the time, this is libFuzzer's own mutation, which knows the code's comparisons
/// but neither numbers nor words.
@_cdecl("LLVMFuzzerCustomMutator")
func mutate(_ data: UnsafeMutablePointer<UInt8>, _ size: Int, _ maximum: Int, _ seed: UInt32) -> Int {
  var generator = Generator(state: UInt64(seed))
  var bytes = Array(UnsafeBufferPointer(start: data, count: size))
  switch Int.random(in: 0..<16, using: &generator) {
  case 0..<4: replace(in: &bytes, with: numbers, &generator) { isDigit($0) }
  case 4..<6: replace(in: &bytes, with: surface.words + numbers, &generator) { isDigit($0) || isLetter($0) }
  case 6: moveLine(of: &bytes, &generator)
  case 7:
    let pattern = patterns.randomElement(using: &generator)!
    if let start = (0..<max(0, bytes.count - pattern.count)).randomElement(using: &generator) {
      bytes.replaceSubrange(start..<start + pattern.count, with: pattern)
    }
  default: return LLVMFuzzerMutate(data, size, maximum)
  }
  let count = min(bytes.count, maximum)
  for index in 0..<count { data[index] = bytes[index] }
  return count
}

/// Replaces one run of characters with a text.
private func replace(
  in bytes: inout [UInt8], with texts: [String], _ generator: inout Generator, where belongs: (UInt8) -> Bool
) {
  var runs: [Range<Int>] = []
  var index = 0
  while index < bytes.count {
    let end = bytes[index...].firstIndex { !belongs($0) } ?? bytes.count
    if end > index { runs.append(index..<end) }
    index = end + 1
  }
  guard let run = runs.randomElement(using: &generator) else { return }
  bytes.replaceSubrange(run, with: texts.randomElement(using: &generator)!.utf8)
}

/// Removes a line, or inserts it at another position.
private func moveLine(of bytes: inout [UInt8], _ generator: inout Generator) {
  var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
  let line = lines.randomElement(using: &generator) ?? []
  if Bool.random(using: &generator), lines.count > 1 {
    lines.remove(at: Int.random(in: lines.indices, using: &generator))
  } else {
    lines.insert(line, at: Int.random(in: 0...lines.count, using: &generator))
  }
  bytes = Array(lines.joined(separator: [UInt8(ascii: "\n")]))
}

private func isDigit(_ byte: UInt8) -> Bool {
  (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
    || byte == UInt8(ascii: ".")
}

private func isLetter(_ byte: UInt8) -> Bool {
  let lower = byte | 0x20
  return (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(lower) || byte == UInt8(ascii: "_")
}
