import RealModule

/// A random number generator that is determined by a seed: xoshiro256**, with a state filled by SplitMix64.
///
/// The same seed gives the same numbers on every machine, in every version of this package. Do not use it for
/// secrets.
///
/// Sources: D. Blackman, S. Vigna, "Scrambled linear pseudorandom number generators", 2021; G. L. Steele, D. Lea,
/// C. H. Flood, "Fast splittable pseudorandom number generators", 2014.
public struct SeededGenerator: RandomNumberGenerator, Sendable, Equatable, Codable {
  /// Four words, not all of them 0.
  var state: (UInt64, UInt64, UInt64, UInt64)

  /// Creates the generator of this seed. Close seeds give unrelated numbers.
  public init(seed: UInt64) {
    var seeds = SplitMix64(state: seed)
    state = (seeds.next(), seeds.next(), seeds.next(), seeds.next())
  }

  /// Reads the state of a generator, which continues with the same numbers.
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

  /// Writes the state as hexadecimal words, because many JSON readers lose digits of 64-bit numbers.
  public func encode(to encoder: any Encoder) throws {
    try [state.0, state.1, state.2, state.3].map { String($0, radix: 16) }.encode(to: encoder)
  }

  /// Returns the next 64 bits.
  public mutating func next() -> UInt64 {
    let multiplied = state.1 &* 5
    let result = (multiplied << 7 | multiplied >> 57) &* 9
    let shifted = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = state.3 << 45 | state.3 >> 19
    return result
  }

  /// Returns whether both generators will give the same numbers.
  public static func == (left: SeededGenerator, right: SeededGenerator) -> Bool { left.state == right.state }
}

/// The generator that fills the state of another one: every seed, including 0, gives words that look random.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}

// MARK: Distributions

// Written here because the standard library does not promise the same numbers in every version.
extension RandomNumberGenerator {
  /// Returns a uniformly distributed number in 0..<1, a multiple of 2⁻⁵³.
  mutating func nextUniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// Returns a standard normal number: Box and Muller's √(−2 log u) cos 2πv, with u in (0, 1].
  mutating func nextNormal() -> Double {
    let radius = (-2 * Double.log(1 - nextUniform())).squareRoot()
    return radius * .cos(2 * .pi * nextUniform())
  }
}
