/// Numbers between −1 and 1 that a program in another language makes with the same bits: scripts/peers/inputs.py does.
public enum Noise {
  /// How many there are. A prime: the rows of a matrix of any usual width start at different places.
  private static let period = 1_000_003

  /// How far apart the streams of two tensors start.
  private static let streamDistance = 40_503

  /// `count` numbers, again from the start where they end; streams differ in where they start.
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

  /// The index, mixed as MurmurHash3 finishes a hash; 24 of its bits are a float without rounding.
  private static let table = (0..<UInt32(period)).map { index -> Float in
    var hash = index &* 2_654_435_761
    hash = (hash ^ (hash >> 16)) &* 0x85eb_ca6b
    hash = (hash ^ (hash >> 13)) &* 0xc2b2_ae35
    hash ^= hash >> 16
    return Float(hash >> 8) * 0x1p-23 - 1
  }
}
