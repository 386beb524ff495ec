import Testing

@testable import Checkpoints

@Suite struct JSONTextTests {
  @Test(arguments: [
    0.0, -0.0, 0.1, 1.0, -3.0, 1e300, .leastNonzeroMagnitude, 1e18, 9_007_199_254_740_993.0, .infinity,
    -.infinity, .nan,
    .greatestFiniteMagnitude, 0x1.fffffffffffffp-2,
  ])
  func `A number keeps its bits, even inside other JSON`(number: Double) throws {
    let value = try JSONText.value(of: [number])
    let back = try JSONText.decode([Double].self, from: value)
    #expect(back[0].bitPattern == number.bitPattern || back[0].isNaN && number.isNaN)
  }

  @Test func `64-bit integers keep all digits`() throws {
    let signed: [Int64] = [.min, .max, 0, -1]
    let unsigned: [UInt64] = [.max, UInt64(Int64.max) + 1]
    #expect(try JSONText.decode([Int64].self, from: JSONText.value(of: signed)) == signed)
    #expect(try JSONText.decode([UInt64].self, from: JSONText.value(of: unsigned)) == unsigned)
  }

  @Test func `The message for a problem names its place`() throws {
    struct Settings: Decodable { let rates: [Double] }
    do {
      _ = try JSONText.decode(Settings.self, from: Array(#"{"rates": [1, "x"]}"#.utf8))
      Issue.record("a string is not a number")
    } catch {
      #expect(JSONText.problem(error).hasPrefix("rates.[1]: "))
    }
  }
}
