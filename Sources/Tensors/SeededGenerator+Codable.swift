extension SeededGenerator: Codable {
  /// Reads the state of a generator, which goes on with the same numbers.
  public init(from decoder: any Decoder) throws {
    let texts = try [String](from: decoder)
    let words = texts.compactMap { UInt64($0, radix: 16) }
    guard words.count == 4, texts.count == 4, words.contains(where: { $0 != 0 }) else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: decoder.codingPath,
          debugDescription: "a generator's state is four hexadecimal words, not all of them 0"))
    }
    self.init(seed: 0)
    state = (words[0], words[1], words[2], words[3])
  }

  /// Writes the state as hexadecimal words: JSON's numbers lose digits of 64 bits in many readers.
  public func encode(to encoder: any Encoder) throws {
    try [state.0, state.1, state.2, state.3].map { String($0, radix: 16) }.encode(to: encoder)
  }
}
