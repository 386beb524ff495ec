import DistributedTraining
import Foundation
import TestSupport
import Testing

/// Runs of RankProgram by mpirun. Each is bounded in time: a job that hangs is ended and reported.
@Suite(.serialized, .enabled(if: isBuiltWithMPI, "This build is without MPI: enable the trait MPI."))
struct MPITests {
  @Test(arguments: [1, 2, 3, 4])
  func `All operations work under MPI`(ranks: Int) throws {
    #expect(try Job("collectives", ranks: ranks).run() == .init(status: 0, output: "\(ranks) ranks agree\n"))
  }

  @Test func `Messages above the largest size are sent in pieces`() throws {
    #expect(try Job("pieces", ranks: 3).run() == .init(status: 0, output: "3 ranks agree\n"))
  }

  @Test func `Whole trainings have the same bits on 1, 2, 3, 4 and 8 ranks as in one process`() throws {
    let whole = try Job("whole", ranks: nil).run()
    #expect(whole.status == 0)
    #expect(whole.output.split(separator: "\n").count == 6)
    for ranks in [1, 2, 3, 4, 8] {
      #expect(try Job("training", ranks: ranks).run() == whole, "\(ranks) ranks")
    }
  }

  @Test func `A rank that throws ends the job with its message`() throws {
    let result = try Job("throw", ranks: 3).run()
    #expect(result.status == 1)
    #expect(result.errors.contains("rank 1: "))
  }

  @Test func `Ranks with other options are refused with the difference`() throws {
    let result = try Job("differ", ranks: 2).run()
    #expect(result.status == 1)
    #expect(result.errors.contains("the options of group 0: adafactor"))
    #expect(result.errors.contains("constant(0.2)") && result.errors.contains("constant(0.1)"))
  }

  @Test func `A job that hangs is ended and reported`() throws {
    #expect(throws: Job.TimedOut.self) { try Job("hang", ranks: 2, seconds: 3).run() }
  }
}

#if MPI
  let isBuiltWithMPI = true
#else
  let isBuiltWithMPI = false
#endif

/// A run of RankProgram.
struct Job {
  let arguments: [String]
  /// The number of ranks under mpirun; nil for a process without a launcher.
  let ranks: Int?
  /// The longest time that it may take.
  var seconds = 60.0

  init(_ arguments: String..., ranks: Int?, seconds: Double = 60) {
    (self.arguments, self.ranks, self.seconds) = (arguments, ranks, seconds)
  }

  struct TimedOut: Error { let message: String }

  /// The exit status and what was printed. Results are equal with any errors.
  struct Result: Equatable {
    let status: Int32
    let output: String
    var errors = ""
    static func == (left: Self, right: Self) -> Bool {
      left.status == right.status && left.output == right.output
    }
  }

  /// The executable RankProgram, which is built into the folder that the test bundle is in.
  private func program() throws -> URL {
    let bundles = Bundle.allBundles.map(\.bundleURL).filter { $0.pathExtension == "xctest" }
    let starts = bundles + [URL(filePath: CommandLine.arguments[0])]
    let candidates = starts.map { $0.deletingLastPathComponent().appending(path: "RankProgram") }
    return try #require(candidates.first { FileManager.default.isExecutableFile(atPath: $0.path) })
  }

  /// Runs the job, and meanwhile `body` with a function that tells whether it still runs.
  func run(_ body: (_ isRunning: () -> Bool) throws -> Void = { _ in }) throws -> Result {
    let process = Process()
    let folder = try TemporaryFolder()
    for name in ["output", "errors"] { try write([], to: folder.file(name)) }
    process.standardOutput = try FileHandle(forWritingTo: URL(filePath: folder.file("output")))
    process.standardError = try FileHandle(forWritingTo: URL(filePath: folder.file("errors")))
    let program = try program()
    if let ranks {
      process.executableURL = URL(filePath: "/usr/bin/env")
      // Hydra of MPICH takes only the number, and needs no more.
      process.arguments =
        ["mpirun", "-n", "\(ranks)"]
        + (try isOpenMPI() ? ["--oversubscribe", "--bind-to", "none"] : []) + [program.path] + arguments
      process.environment = ProcessInfo.processInfo.environment.merging([
        "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        // Ranks that wait for one another give their core away.
        "OMPI_MCA_mpi_yield_when_idle": "1", "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
      ]) { $1 }
    } else {
      process.executableURL = program
      process.arguments = arguments
    }
    try process.run()
    let deadline = Date(timeIntervalSinceNow: seconds)
    try body { process.isRunning && Date() < deadline }
    while process.isRunning && Date() < deadline { usleep(10_000) }
    let isLate = process.isRunning
    if isLate {
      // The launcher ends its ranks.
      process.terminate()
      let grace = Date(timeIntervalSinceNow: 2)
      while process.isRunning && Date() < grace { usleep(10_000) }
      if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }
    process.waitUntilExit()
    let errors = String(decoding: try contents(folder.file("errors")), as: UTF8.self)
    if isLate {
      throw TimedOut(message: "\(arguments) on \(ranks ?? 1) ranks ran for more than \(seconds) s: \(errors)")
    }
    return Result(
      status: process.terminationStatus,
      output: String(decoding: try contents(folder.file("output")), as: UTF8.self), errors: errors)
  }

  private func isOpenMPI() throws -> Bool {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["mpirun", "--version"]
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return text.contains("Open MPI") || text.contains("OpenRTE")
  }
}
