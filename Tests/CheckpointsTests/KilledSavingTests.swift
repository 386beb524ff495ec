import Foundation
import Tensors
import TestSupport
import Testing

@testable import Checkpoints

/// Repeatedly kills a process while it saves.
@Suite struct KilledSavingTests {
  /// The number of kills, which CHECKPOINT_KILLS can increase.
  private static let killCount =
    ProcessInfo.processInfo.environment["CHECKPOINT_KILLS"].flatMap(Int.init) ?? 60

  /// Returns the executable CheckpointSaver, which is built into the folder of the test bundle.
  private func saver() throws -> URL {
    let bundles = Bundle.allBundles.map(\.bundleURL).filter { $0.pathExtension == "xctest" }
    let starts = bundles + [URL(filePath: CommandLine.arguments[0])]
    let candidates = starts.map { $0.deletingLastPathComponent().appending(path: "CheckpointSaver") }
    return try #require(candidates.first { FileManager.default.isExecutableFile(atPath: $0.path) })
  }

  @Test func `A process that is killed at random moments while saving always resumes`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("run")
    let output = folder.file("output")
    var generator = SeededGenerator(seed: 3)
    var killedWhileSaving = 0
    for _ in 0..<Self.killCount {
      try write([], to: output)
      let before = try CheckpointDirectory(path: path).latest()?.checkpoint.position.step ?? 0
      let process = Process()
      process.executableURL = try saver()
      process.arguments = [path]
      process.standardOutput = try FileHandle(forWritingTo: URL(filePath: output))
      try process.run()
      // At any time after the first save begins.
      let deadline = Date(timeIntervalSinceNow: 20)
      while try contents(output).isEmpty && process.isRunning && Date() < deadline { usleep(500) }
      usleep(UInt32.random(in: 0..<15_000, using: &generator))
      #expect(process.isRunning, "the process ended by itself")
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      #expect(process.terminationReason == .uncaughtSignal)

      let saved = try #require(
        String(decoding: contents(output), as: UTF8.self).split(separator: "\n").last.flatMap { Int($0) })
      #expect(saved > before)
      let found = try #require(try CheckpointDirectory(path: path).latest())
      #expect(found.damaged.isEmpty)
      let step = found.checkpoint.position.step
      // A checkpoint that was reported exists. At most one more got its name before it could be reported.
      #expect(step == saved || step == saved + 1)
      #expect(try found.checkpoint.value(Int.self, for: "step") == step)
      for tensor in found.checkpoint.collections.values.flatMap(\.tensors.values) {
        #expect(tensor == Tensor(repeating: Double(step), shape: [100, 100]))
      }
      // Each save removes the leftovers of the previous one.
      let leftovers = try names(in: path).filter { $0.hasPrefix(".") }
      #expect(leftovers.count <= 1, "\(leftovers)")
      killedWhileSaving += leftovers.contains { $0.hasPrefix(".saving-") } ? 1 : 0
    }
    // Most kills must happen during a save, or the test would test nothing.
    #expect(killedWhileSaving > Self.killCount / 4)
  }
}
