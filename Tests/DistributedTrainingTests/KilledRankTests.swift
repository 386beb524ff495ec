import Checkpoints
import DistributedTraining
import Foundation
import Tensors
import TestSupport
import Testing

/// Kills one rank of a job, again and again: RANK_KILLS may ask for more.
@Suite(.serialized, .enabled(if: isBuiltWithMPI, "This build is without MPI: enable the trait MPI."))
struct KilledRankTests {
  private static let killCount =
    ProcessInfo.processInfo.environment["RANK_KILLS"].flatMap(Int.init) ?? 4

  /// The step of the latest checkpoint; 0 if there is none. A checkpoint may be removed while it is read.
  private static func step(_ path: String) throws -> Int {
    ((try? CheckpointDirectory(path: path).latest()) ?? nil)?.checkpoint.position.step ?? 0
  }

  @Test func `A job whose rank is killed ends, and resumes to the same bits on other numbers of ranks`()
    throws
  {
    let folder = try TemporaryFolder()
    var generator = SeededGenerator(seed: 9)
    var step = 0
    for kill in 0..<Self.killCount {
      let ranks = 2 + kill % 3
      let job = Job("resume", folder.file("run"), "1000000", ranks: ranks)
      let victim = Int.random(in: 0..<ranks, using: &generator)
      let delay = UInt32.random(in: 0..<100_000, using: &generator)
      let files = (0..<ranks).map { folder.file("run.rank-\($0)") }
      for file in files { try? FileManager.default.removeItem(atPath: file) }
      var processes: [Int32] = []
      let result = try job.run { isRunning in
        while isRunning() && !files.allSatisfy(FileManager.default.fileExists) { usleep(2_000) }
        usleep(1_000)
        processes = try files.compactMap { Int32(String(decoding: try contents($0), as: UTF8.self)) }
        // Every other kill after another checkpoint, at any moment of the next step; the others at any moment.
        while kill % 2 == 0, isRunning(), try Self.step(folder.file("run")) <= step { usleep(2_000) }
        usleep(delay)
        if isRunning() && processes.count == ranks { Foundation.kill(processes[victim], SIGKILL) }
      }
      #expect(processes.count == ranks)
      #expect(result.status != 0, "the job ended by itself: \(result)")
      // No rank is left over; the launcher may end a moment before the last of them.
      let deadline = Date(timeIntervalSinceNow: 10)
      while processes.contains(where: { Foundation.kill($0, 0) == 0 }) && Date() < deadline { usleep(10_000) }
      for process in processes { #expect(Foundation.kill(process, 0) != 0, "process \(process)") }
      let found = try CheckpointDirectory(path: folder.file("run")).latest()
      #expect(found?.damaged.isEmpty ?? true)
      let reached = found?.checkpoint.position.step ?? 0
      #expect(reached >= step + (kill % 2 == 0 ? 1 : 0))
      step = reached
    }
    #expect(step > 0)
    let stepCount = step + 3
    let resumed = try Job("resume", folder.file("run"), "\(stepCount)", ranks: 2).run()
    let whole = try Job("resume", folder.file("uninterrupted"), "\(stepCount)", ranks: 1).run()
    #expect(resumed.status == 0)
    #expect(resumed == whole)
  }
}
