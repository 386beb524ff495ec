/// XXH64, a 64-bit checksum, of bytes that arrive piece by piece.
///
/// It detects damage by storage and transport, not by an attacker. It was chosen over CRC-32C, whose table form is
/// several times slower without the processor's instruction for it, and over SHA-256, which is slower than
/// disks. `xxhsum` and packages for every language compute XXH64 too.
///
/// Source: Y. Collet, "xxHash fast digest algorithm", specification 0.1.1.
struct XXHash64 {
  private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
  private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
  private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
  private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
  private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5
  private static let stripeByteCount = 32

  /// Four lanes, each of which takes eight bytes of every stripe.
  private var lanes: (UInt64, UInt64, UInt64, UInt64)
  /// The bytes since the last complete stripe.
  private var rest: [UInt8] = []
  private var byteCount: UInt64 = 0

  /// Creates the checksum of no bytes, with the seed 0.
  init() {
    lanes = (Self.prime1 &+ Self.prime2, Self.prime2, 0, 0 &- Self.prime1)
    rest.reserveCapacity(2 * Self.stripeByteCount)
  }

  static func value(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var checksum = XXHash64()
    checksum.update(bytes)
    return checksum.value
  }

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    byteCount &+= UInt64(bytes.count)
    var bytes = bytes[...]
    if !rest.isEmpty {
      let missing = min(Self.stripeByteCount - rest.count, bytes.count)
      rest += bytes.prefix(missing)
      bytes = bytes.dropFirst(missing)
      guard rest.count == Self.stripeByteCount else { return }
      let stripe = rest
      stripe.withUnsafeBytes { consumeStripes($0) }
      rest.removeAll(keepingCapacity: true)
    }
    let whole = bytes.count / Self.stripeByteCount * Self.stripeByteCount
    consumeStripes(UnsafeRawBufferPointer(rebasing: bytes.prefix(whole)))
    rest += bytes.dropFirst(whole)
  }

  private mutating func consumeStripes(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    var (lane1, lane2, lane3, lane4) = lanes
    for offset in stride(from: 0, to: bytes.count, by: Self.stripeByteCount) {
      lane1 = Self.round(lane1, Self.word(start + offset))
      lane2 = Self.round(lane2, Self.word(start + offset + 8))
      lane3 = Self.round(lane3, Self.word(start + offset + 16))
      lane4 = Self.round(lane4, Self.word(start + offset + 24))
    }
    lanes = (lane1, lane2, lane3, lane4)
  }

  var value: UInt64 {
    var hash: UInt64
    if byteCount >= UInt64(Self.stripeByteCount) {
      hash = lanes.0.rotated(1) &+ lanes.1.rotated(7) &+ lanes.2.rotated(12) &+ lanes.3.rotated(18)
      for lane in [lanes.0, lanes.1, lanes.2, lanes.3] {
        hash = (hash ^ Self.round(0, lane)) &* Self.prime1 &+ Self.prime4
      }
    } else {
      hash = Self.prime5
    }
    hash &+= byteCount
    rest.withUnsafeBytes { bytes in
      var offset = 0
      while offset + 8 <= bytes.count {
        hash = (hash ^ Self.round(0, Self.word(bytes.baseAddress! + offset))).rotated(27)
        hash = hash &* Self.prime1 &+ Self.prime4
        offset += 8
      }
      if offset + 4 <= bytes.count {
        let half = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        hash = (hash ^ UInt64(half) &* Self.prime1).rotated(23) &* Self.prime2 &+ Self.prime3
        offset += 4
      }
      for byte in bytes[offset...] {
        hash = (hash ^ UInt64(byte) &* Self.prime5).rotated(11) &* Self.prime1
      }
    }
    hash = (hash ^ hash >> 33) &* Self.prime2
    hash = (hash ^ hash >> 29) &* Self.prime3
    return hash ^ hash >> 32
  }

  private static func word(_ address: UnsafeRawPointer) -> UInt64 {
    UInt64(littleEndian: address.loadUnaligned(as: UInt64.self))
  }

  private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    (lane &+ word &* prime2).rotated(31) &* prime1
  }
}

extension UInt64 {
  /// Returns the bits rotated left by `count`.
  fileprivate func rotated(_ count: UInt64) -> UInt64 { self &<< count | self &>> (64 - count) }
}
