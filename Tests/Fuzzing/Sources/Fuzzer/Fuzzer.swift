import CLibFuzzer
import Foundation

/// Passes libFuzzer's inputs to one of the surfaces: `Fuzzer FOLDER SURFACE [OPTION...]`.
///
/// FOLDER contains the surface's files, and its seeds in FOLDER/seeds. `scripts/fuzz --help` shows the
/// commands.
@main
struct Fuzzer {
  static let surfaces: KeyValuePairs<String, @Sendable (Workplace) throws -> any Surface> = [
    "headers": { _ in HeaderSurface() },
    "states": { try StateSurface($0) },
    "checkpoints": { try CheckpointSurface($0) },
    "tables": { try TableSurface($0) },
    "metrics": { try MetricsSurface($0) },
    "configurations": { try ConfigurationSurface($0) },
    "schedules": { try ScheduleSurface($0) },
    "commands": { try CommandSurface($0) },
  ]

  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count > 2, let make = surfaces.first(where: { $0.key == arguments[2] })?.value else {
      print(surfaces.map(\.key).joined(separator: "\n"))
      exit(arguments.count > 1 ? 2 : 0)
    }
    let place = try Workplace(arguments[1])
    surface = try make(place)
    try place.makeFolder("seeds")
    for (index, seed) in try surface.seeds.enumerated() { try place.write(seed, "seeds/\(index)") }
    // libFuzzer may close standard error.
    reportDescriptor = dup(STDERR_FILENO)
    atexit {
      let text = "\(used) inputs were used and \(refused) refused\n"
      _ = write(reportDescriptor, text, text.utf8.count)
    }

    let names = [arguments[0]] + arguments[3...]
    var argumentCount = Int32(names.count)
    let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: names.count + 1)
    for (index, name) in names.enumerated() { pointers[index] = strdup(name) }
    pointers[names.count] = nil
    var argumentPointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = pointers
    // The driver ends the process itself.
    LLVMFuzzerRunDriver(&argumentCount, &argumentPointers, takeInput)
  }

  /// Passes an input to the surface, and checks the message of an error.
  fileprivate static func feed(_ input: [UInt8]) {
    do {
      try surface.check(input)
      used += 1
    } catch {
      refused += 1
      let message = surface.message(error)
      let foreign = [
        "NSCocoa", "NSPOSIX", "DecodingError", "EncodingError", "CodingKeys", "couldn’t", "(null)",
      ]
      if message.isEmpty || foreign.contains(where: message.contains) {
        fatalError("The message does not say what is wrong: \(message) (\(type(of: error)))")
      }
    }
  }
}

/// Receives an input from libFuzzer.
@_cdecl("LLVMFuzzerTestOneInput")
func takeInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  Fuzzer.feed(Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}

// libFuzzer uses only one thread.
nonisolated(unsafe) var surface: (any Surface)!
nonisolated(unsafe) private var used = 0
nonisolated(unsafe) private var refused = 0
nonisolated(unsafe) private var reportDescriptor: Int32 = -1
