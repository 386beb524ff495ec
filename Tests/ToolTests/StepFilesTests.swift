import Checkpoints
import Foundation
import Safetensors
import Tensors
import TestSupport
import Testing

/// Tests steps that overwrite their own input files when something goes wrong.
@Suite("adafactor step and its files") struct StepFilesTests {
  private let files: StepFiles

  init() throws {
    files = try StepFiles()
    try files.configuration(#"{"optimizer": "adafactor", "groups": [{}]}"#)
  }

  /// Creates a pair of P and S after a first step, with a gradient for further steps.
  private func begin(elementCount: Int) throws {
    var generator = SeededGenerator(seed: 4)
    let shape: Shape = [elementCount / 100, 100]
    for name in ["P", "G"] {
      let tensors = (0..<4).map { ("w\($0)", Tensor(normal: shape, using: &generator)) }
      try files.write(Dictionary(uniqueKeysWithValues: tensors), name)
    }
    #expect(try files.step(out: ("P", "S")).status == 0)
  }

  /// Starts a step that overwrites P and S.
  private func start() throws -> Process {
    let process = Process()
    process.executableURL = try ToolRunner.executable()
    process.arguments = files.arguments(state: "S", out: ("P", "S"))
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  /// Returns the parameters after each number of steps, from 1.
  private func trajectory(_ count: Int) throws -> [[Double]] {
    var result: [[Double]] = []
    for step in 1...count {
      if step > 1 { #expect(try files.step(state: "S", out: ("P", "S")).status == 0) }
      result.append(try #require(files.read("P").tensors["w0"]).doubles)
    }
    return result
  }

  /// Returns the number of steps in the state, which the parameters must have too.
  private func wholeStep(_ trajectory: [[Double]]) throws -> Int {
    let steps = try Set(files.read("S").integers.values)
    let step = try #require(steps.count == 1 ? steps.first : nil)
    try #require(trajectory.indices.contains(step - 1), "\(step) steps were taken.")
    #expect(try files.read("P").tensors["w0"]?.doubles == trajectory[step - 1])
    return step
  }

  @Test func `A step killed at a random moment leaves parameters and state of the same step`() throws {
    // The number of kills, which CHECKPOINT_KILLS can increase.
    let killCount = ProcessInfo.processInfo.environment["CHECKPOINT_KILLS"].flatMap(Int.init) ?? 24
    try begin(elementCount: 20_000)
    let (parameters, state) = (try files.bytes("P"), try files.bytes("S"))
    let trajectory = try trajectory(9)
    func rewind() throws {
      try parameters.write(to: URL(filePath: files.path("P")))
      try state.write(to: URL(filePath: files.path("S")))
    }
    try rewind()
    let start = Date()
    try self.start().waitUntilExit()
    // The maximum time to wait. A kill that comes too late shortens it, so that most kills hit even on a busy
    // machine.
    var patience = 1.2 * Date().timeIntervalSince(start)
    try rewind()
    var generator = SeededGenerator(seed: 5)
    var (attempts, killed) = (0, 0)
    while killed < killCount {
      if attempts.isMultiple(of: 8) { try rewind() }
      attempts += 1
      let process = try self.start()
      usleep(UInt32(Double.random(in: 0...patience, using: &generator) * 1e6))
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      let hit = process.terminationReason == .uncaughtSignal
      killed += hit ? 1 : 0
      patience *= hit ? 1.05 : 0.8
      // The next transaction on the files finds a complete pair.
      _ = try FileTransaction(reading: [files.path("P"), files.path("S")], writing: [])
      _ = try wholeStep(trajectory)
      // Only the loop's files remain, and possibly a file from checking a destination, which the next check
      // removes.
      #expect(
        try files.names().filter { !$0.hasPrefix(TemporaryFiles.prefix) } == ["G", "P", "S", "config.json"])
    }
    #expect(try files.step(state: "S", out: ("P", "S")).status == 0)
    #expect(try files.names() == ["G", "P", "S", "config.json"])
  }

  @Test func `Concurrent steps on the same files wait for each other`() throws {
    try begin(elementCount: 5_000)
    let (parameters, state) = (try files.bytes("P"), try files.bytes("S"))
    let trajectory = try trajectory(7)
    try parameters.write(to: URL(filePath: files.path("P")))
    try state.write(to: URL(filePath: files.path("S")))
    let processes = try (0..<6).map { _ in try start() }
    for process in processes {
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
    }
    #expect(try wholeStep(trajectory) == 7)
    #expect(try files.names() == ["G", "P", "S", "config.json"])
  }

  @Test(arguments: [SIGTERM, SIGINT, SIGHUP])
  func `A signal removes unfinished files`(number: Int32) throws {
    try begin(elementCount: 200_000)
    let trajectory = try trajectory(2)
    var isHit = false
    // On a busy machine, a step may end before the signal arrives: then the next one is tried.
    for attempt in 1...20 where !isHit {
      try begin(elementCount: 200_000)
      let process = try start()
      // In the middle of the step, when its new files exist.
      while process.isRunning, try files.names().filter({ $0.hasSuffix(".new") }).count < 2 { usleep(200) }
      kill(process.processIdentifier, number)
      process.waitUntilExit()
      isHit = process.terminationReason == .uncaughtSignal
      #expect(isHit ? process.terminationStatus == number : process.terminationStatus == 0, "\(attempt)")
      #expect(try wholeStep(trajectory) == (isHit ? 1 : 2))
      #expect(try files.names() == ["G", "P", "S", "config.json"])
    }
    #expect(isHit)
  }

  @Test func `A file size limit is an error`() throws {
    try begin(elementCount: 20_000)
    let before = (try files.bytes("P"), try files.bytes("S"))
    let arguments = files.arguments(state: "S", out: ("P", "S")).joined(separator: " ")
    let result = try ToolRunner.shell("ulimit -f 10; $adafactor \(arguments)", in: files.folder)
    #expect(result.status == 1)
    #expect(result.errors.contains("File too large"), "\(result.errors)")
    #expect(try (files.bytes("P"), files.bytes("S")) == before)
    #expect(try files.names() == ["G", "P", "S", "config.json"])
  }

  @Test func `Outputs may be links, pipes and standard output`() throws {
    try begin(elementCount: 500)
    #expect(try files.step(state: "S").status == 0)
    let expected = (try files.bytes("P2"), try files.bytes("S2"))
    func arguments(_ out: (String, String)) -> String {
      var arguments = files.arguments(state: "S", out: out)
      for (option, path) in [("--out-parameters", out.0), ("--out-state", out.1)] {
        arguments[arguments.firstIndex(of: option)! + 1] = path
      }
      return arguments.joined(separator: " ")
    }
    for script in [
      "ln -s L P3; $adafactor \(arguments(("P3", "S3"))); test -L P3 && mv L P3",
      "$adafactor \(arguments(("-", "S3"))) > P3",
      "mkfifo f; cat f > P3 & $adafactor \(arguments(("f", "S3"))); wait; rm f",
      "$adafactor \(arguments(("P3", "/dev/stdout"))) | cat > S3",
    ] {
      let result = try ToolRunner.shell(script, in: files.folder)
      #expect(result.status == 0, "\(script): \(result.errors)")
      #expect((result.output + result.errors).contains("stepped 4 of 4 parameters"))
      #expect(try (files.bytes("P3"), files.bytes("S3")) == expected, "\(script)")
      for name in ["P3", "S3"] { try FileManager.default.removeItem(atPath: files.path(name)) }
    }
    let same = try ToolRunner.shell("$adafactor \(arguments(("-", "/dev/fd/1"))) | cat", in: files.folder)
    #expect(same.errors.contains("are the same file"), "\(same.errors)")
  }
}
