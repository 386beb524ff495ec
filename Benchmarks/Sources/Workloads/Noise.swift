/// Numbers between −1 and 1 that scripts/peers/inputs.py generates with the same bits in Python.
public enum Noise {
  /// The count of numbers, a prime, so that the rows of a matrix of any usual width start at different
  /// positions.
  private static let period = 1_000_003

  /// The distance between the starts of the streams of two tensors.
  private static let streamDistance = 40_503

  /// Returns `count` numbers, repeated from the start if necessary. Streams differ in their start.
  public static func values(_ count: Int, stream: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { values, initialized in
      var place = stream * streamDistance % period
      while initialized < count {
        let piece = table[place...].prefix(count - initialized)
        _ = values[initialized...].initialize(fromContentsOf: piece)
        initialized += piece.count
        place = 0
      }
    }
  }

  /// The index, mixed like the end of MurmurHash3. 24 of its bits become a float without rounding.
  private static let table = (0..<UInt32(period)).map { index -> Float in
    var hash = index &* 2_654_435_761
    hash = (hash ^ (hash >> 16)) &* 0x85eb_ca6b
    hash = (hash ^ (hash >> 13)) &* 0xc2b2_ae35
    hash ^= hash >> 16
    return Float(hash >> 8) * 0x1p-23 - 1
  }
}
