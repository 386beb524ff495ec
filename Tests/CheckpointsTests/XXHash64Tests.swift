import Testing

@testable import Checkpoints

@Suite struct XXHash64Tests {
  /// Returns the data for which the expected values were computed.
  private func data(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 / 256 * 13 + 3) }
  }

  /// Values from the C library xxHash 0.8.1.
  private static let expected: [(count: Int, value: UInt64)] = [
    (0, 0xEF46_DB37_51D8_E999), (1, 0x1F25_C8D0_BC1F_4BB6), (3, 0x31D2_363F_52E5_64C9),
    (4, 0x9BB6_4B7D_66EE_9FDA), (5, 0xC760_8EFD_DB70_51FE), (8, 0xDAB9_9D95_C6F9_0092),
    (12, 0xD52E_4078_33AF_5133), (15, 0x1B47_CB82_43CC_8E32), (16, 0x4348_5023_2B78_7BE2),
    (31, 0xA2AA_5F33_CC4A_6119), (32, 0x23C3_C17E_F790_FD97), (33, 0x50A7_CFC7_BA58_8784),
    (63, 0x5E3E_54B4_31C7_493C), (64, 0x0EB6_4B3E_F6EE_B01F), (65, 0xA383_B724_B2BD_12F1),
    (100, 0xA61F_8D4C_170F_E531), (1000, 0xC0E0_F66A_C642_05D7), (262_144, 0x5AD7_4928_6733_EED4),
  ]

  @Test func `Checksums match the C library's`() {
    for (count, value) in Self.expected {
      var hash = XXHash64()
      data(count).withUnsafeBytes { hash.update($0) }
      #expect(hash.value == value, "\(count) bytes")
    }
  }

  @Test(arguments: [1, 3, 8, 31, 32, 33, 40, 100])
  func `Pieces of any length give the same checksum as the whole`(length: Int) {
    for (count, value) in Self.expected where count <= 1000 {
      var hash = XXHash64()
      data(count).withUnsafeBytes { bytes in
        for start in stride(from: 0, to: count, by: length) {
          hash.update(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + length, count)]))
        }
      }
      #expect(hash.value == value, "\(count) bytes")
    }
  }
}
