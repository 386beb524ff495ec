import Foundation
import Safetensors
import TestSupport
import Testing

/// Tests broken files: the reader may refuse them but must not trap.
@Suite struct SafetensorsHeaderCorruptionTests {
  private let intact = file(
    """
    {"__metadata__":{"k\\n":"é"},\(entry("a", "F32", "[2,1]", "[0,8]")), \
    \(entry("b", "F4", "[2]", "[8,9]"))}\("  ")
    """, data: pattern(0, count: 9))

  @Test func `A file that is cut off at any byte is refused`() throws {
    _ = try SafetensorsHeader(fileBytes: intact)
    for count in intact.indices {
      #expect(throws: SafetensorsError.self, "first \(count) bytes") {
        try SafetensorsHeader(fileBytes: Array(intact[..<count]))
      }
    }
  }

  @Test func `A file that is cut off at any byte is refused when opened`() throws {
    let folder = try TemporaryFolder()
    for count in intact.indices {
      let path = try folder.file("cut", holding: Array(intact[..<count]))
      let error = try #require(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
      #expect(error.path == path)
    }
  }

  @Test func `Any byte of the header may have any value`() {
    var acceptedCount = 0
    for place in 0..<(intact.count - 9) {
      for value in UInt8.min...UInt8.max where value != intact[place] {
        var bytes = intact
        bytes[place] = value
        do throws(SafetensorsError) {
          let header = try SafetensorsHeader(fileBytes: bytes)
          // A header that is accepted must match the data.
          #expect(header.dataByteCount == 9)
          acceptedCount += 1
        } catch {
          #expect(!error.description.isEmpty)
        }
      }
    }
    // Another letter in a name or in the metadata, or I32 for F32, is not an error.
    #expect(acceptedCount > 100)
  }

  @Test func `Any byte of the header may be missing or doubled`() {
    for place in 8..<(intact.count - 9) {
      for replacement in [[], [intact[place], intact[place]]] {
        var json = Array(intact[8..<(intact.count - 9)])
        json.replaceSubrange(place - 8..<place - 7, with: replacement)
        if let header = try? SafetensorsHeader(fileBytes: file(json, data: pattern(0, count: 9))) {
          #expect(header.dataByteCount == 9)
        }
      }
    }
  }

  @Test func `The fuzzer's seeds are read or refused`() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fuzzing/Corpus")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    var acceptedCount = 0
    for name in names {
      let bytes = try contents(folder.appending(path: name).path)
      let whole = name.hasPrefix("file-") ? bytes : file(bytes)
      if (try? SafetensorsHeader(fileBytes: whole)) != nil { acceptedCount += 1 }
    }
    #expect(names.count > 20)
    #expect(acceptedCount > 0 && acceptedCount < names.count)
  }
}
