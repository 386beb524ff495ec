import Checkpoints
import Foundation
import Testing

@testable import adafactor

@Suite("adafactor train: stopping and resuming", .serialized)
struct TrainCheckpointTests {
  /// The results of a run without times.
  private struct Report: Decodable, Equatable {
    struct Epoch: Decodable, Equatable {
      let epoch: Int
      let trainingLoss: Double
      let testLoss: Double
      let testAccuracy: Double
    }
    let epochs: [Epoch]
    let steps: Int
    let skippedSteps: Int
    let lossScale: Double?
    let parametersChecksum: String
  }

  /// Runs that together use everything that a checkpoint must hold. Each takes about 100 steps.
  private static let settings = [
    ["--epochs", "7", "--hidden", "8"],
    ["--epochs", "7", "--hidden", "8", "--beta1", "0.9", "--lr", "0.01", "--schedule", "cosine"],
    [
      "--epochs", "10", "--hidden", "8", "--optimizer", "adamw", "--amsgrad", "--accumulate", "2",
      "--batch-size", "50", "--clip-norm", "0.5", "--schedule", "reduce_lr_on_plateau",
      "--schedule-option", "patience=0",
    ],
    // The first step overflows, so the reduced loss scale must be restored.
    [
      "--epochs", "10", "--hidden", "8", "--optimizer", "adamw", "--dtype", "float16", "--accumulate", "3",
    ],
    ["--epochs", "5", "--hidden", "8", "--dtype", "bfloat16", "--beta1", "0.9"],
    // Random draws and the residuals of rounding must continue, too.
    ["--epochs", "5", "--hidden", "8", "--dtype", "bfloat16", "--rounding", "stochastic"],
    [
      "--epochs", "5", "--hidden", "8", "--dtype", "bfloat16", "--rounding", "compensated", "--optimizer",
      "adamw",
    ],
    // Switching modes for checkpoints and evaluations must not change a bit.
    [
      "--epochs", "5", "--hidden", "8", "--dtype", "bfloat16", "--rounding", "compensated", "--optimizer",
      "schedule_free_adamw", "--rate-warmup-steps", "9",
    ],
  ]

  // In release builds, some epochs are over before a signal arrives. In debug builds, they take seconds, so
  // two settings are enough: Ctrl-C saves by the same code as the killed runs.
  #if DEBUG
    private static let interruptedSettings = [settings[0], settings[3]]
  #else
    private static let interruptedSettings = settings.map { $0 + ["--epochs", "60"] }
  #endif

  private func report(_ result: ToolRunner.Result) throws -> Report {
    try #require(result.status == 0, "\(result.errors)")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Report.self, from: Data(result.output.utf8))
  }

  private func train(_ arguments: [String]) throws -> ToolRunner.Result {
    try ToolRunner.run(["train", "--json"] + arguments)
  }

  private func checkpoints(_ directory: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return names.filter { $0.hasPrefix("checkpoint-") }.sorted()
  }

  /// Starts a run, sends it a signal as soon as `isReady` is true of its errors so far, and waits for it to
  /// end.
  private func interrupt(
    _ arguments: [String], by number: Int32, in folder: URL, when isReady: (String) -> Bool
  ) throws -> (reason: Process.TerminationReason, status: Int32, errors: String) {
    let errorFile = folder.appendingPathComponent("errors")
    try Data().write(to: errorFile)
    let process = Process()
    process.executableURL = try ToolRunner.executable()
    process.arguments = ["train"] + arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: errorFile)
    try process.run()
    func errors() throws -> String { try String(contentsOf: errorFile, encoding: .utf8) }
    while process.isRunning, try !isReady(errors()) { usleep(1000) }
    kill(process.processIdentifier, number)
    process.waitUntilExit()
    return (process.terminationReason, process.terminationStatus, try errors())
  }

  @Test(arguments: settings)
  func `A run that is killed at any step and resumed gives the bits of an uninterrupted run`(
    settings: [String]
  ) throws {
    let whole = try report(train(settings))
    if settings.contains("float16") { #expect(whole.skippedSteps > 0) }
    try ToolRunner.withFolder { folder in
      let directory = folder.appendingPathComponent("run").path
      let saving = settings + ["--checkpoint-directory", directory, "--checkpoint-every", "3"]
      // Twice, because a resumed run can be resumed again.
      for count in [2, 14] {
        let end = try interrupt(saving + ["--resume"], by: SIGKILL, in: folder) { _ in
          checkpoints(directory).contains { Int($0.split(separator: "-")[1])! >= count }
        }
        try #require(end.reason == .uncaughtSignal && end.status == SIGKILL, "\(end.errors)")
      }
      let resumed = try train(saving + ["--resume"])
      #expect(resumed.errors.contains("Resuming after step "))
      #expect(try report(resumed) == whole)
    }
  }

  @Test(
    arguments: zip(
      interruptedSettings, [SIGINT, SIGTERM] + interruptedSettings.dropFirst(2).map { _ in SIGINT }))
  func `Ctrl-C and SIGTERM save, report the path and end with their status; the run can be resumed`(
    settings: [String], signal: Int32
  ) throws {
    let whole = try report(train(settings))
    try ToolRunner.withFolder { folder in
      let directory = folder.appendingPathComponent("run").path
      let saving = settings + ["--checkpoint-directory", directory, "--checkpoint-every", "100000"]
      let end = try interrupt(saving, by: signal, in: folder) { $0.contains("epoch 2/") }
      #expect(end.reason == .exit && end.status == 128 + signal, "\(end.errors)")
      let names = checkpoints(directory)
      try #require(names.count == 1)
      let step = try #require(names[0].split(separator: "-").last.flatMap { Int($0) })
      #expect(step < whole.steps)
      #expect(
        end.errors.contains(
          "Interrupted after step \(step) of \(whole.steps); saved as \(directory)/\(names[0])"))
      let resumed = try train(saving + ["--resume"])
      #expect(resumed.errors.contains("Resuming after step \(step) from \(directory)/\(names[0])"))
      #expect(try report(resumed) == whole)
    }
  }

  @Test func `A second run on a directory is refused at its start during the first`() throws {
    try ToolRunner.withFolder { folder in
      let directory = folder.appendingPathComponent("run").path
      let saving = ["--epochs", "60", "--hidden", "8", "--checkpoint-directory", directory]
      var second: ToolRunner.Result?
      let first = try interrupt(saving + ["--checkpoint-every", "5"], by: SIGINT, in: folder) { _ in
        if checkpoints(directory).isEmpty { return false }
        second = try? train(saving + ["--resume"])
        return true
      }
      #expect(first.status == 130, "\(first.errors)")
      #expect(second?.status == 1)
      #expect(second?.errors.contains("another run is using \(directory)") == true)
    }
  }

  @Test func `A damaged checkpoint is reported, and the previous one is used`() throws {
    let settings = ["--epochs", "3", "--hidden", "16"]
    let whole = try report(train(settings))
    try ToolRunner.withFolder { folder in
      let directory = folder.appendingPathComponent("run").path
      let saving =
        settings + ["--checkpoint-directory", directory, "--checkpoint-every", "10", "--keep", "2"]
      #expect(try report(train(saving)) == whole)
      let names = checkpoints(directory)
      try #require(names.count == 2)
      let handle = try FileHandle(
        forUpdating: URL(fileURLWithPath: "\(directory)/\(names[1])/model.safetensors"))
      try handle.truncate(atOffset: 1000)
      try handle.close()
      let resumed = try train(saving + ["--resume"])
      #expect(resumed.errors.contains("Skipped: \(directory)/\(names[1])"))
      #expect(resumed.errors.contains("from \(directory)/\(names[0])"))
      #expect(try report(resumed) == whole)
    }
  }

  @Test func `Without an interval, a checkpoint is saved after each epoch`() throws {
    try ToolRunner.withFolder { folder in
      let directory = folder.appendingPathComponent("run").path
      // 1,438 training samples make 23 steps of 64.
      let result = try train(
        ["--epochs", "3", "--hidden", "4", "--checkpoint-directory", directory, "--keep", "9"])
      #expect(result.status == 0)
      #expect(checkpoints(directory).map { $0.split(separator: "-").last } == ["23", "46", "69"])
    }
  }

  @Test func `Different settings are an error that lists them, and nothing is written`()
    throws
  {
    try ToolRunner.withFolder { folder in
      let directory = ["--checkpoint-directory", folder.appendingPathComponent("run").path]
      let settings = ["--epochs", "2", "--hidden", "4"] + directory
      #expect(try train(settings).status == 0)
      let names = checkpoints(directory[1])
      let others: [([String], [String])] = [
        (
          ["--epochs", "3", "--hidden", "5,6", "--seed", "1"] + directory,
          [
            "--hidden: 4 in the checkpoint, 5,6 here",
            "--seed: 0 in",
          ]
        ),
        (
          settings + ["--optimizer", "adamw", "--clip-norm", "2"],
          [
            "--clip-norm: none in the checkpoint, 2.0 here",
            "--optimizer: adafactor in the checkpoint, adamw here",
          ]
        ),
        (
          settings + ["--lr", "0.01", "--schedule", "cosine", "--dtype", "bfloat16", "--accumulate", "2"],
          [
            "--schedule: none in", "--dtype: float32 in", "--accumulate: 1 in", "the optimizer's lr: null in",
          ]
        ),
        (
          settings + ["--dtype", "bfloat16", "--rounding", "stochastic"],
          ["the optimizer's rounding: none in the checkpoint, \"stochastic\" here"]
        ),
      ]
      for (arguments, messages) in others {
        let result = try train(arguments + ["--resume"])
        #expect(result.status != 0)
        for message in messages { #expect(result.errors.contains(message), "\(result.errors)") }
        #expect(!result.errors.contains("--batch-size:"))
      }
      let data = folder.appendingPathComponent("other.csv")
      let rows = (0..<40).map { "\($0 % 2),\($0)\n" }
      try rows.joined().write(to: data, atomically: true, encoding: .utf8)
      let result = try train(settings + ["--resume", "--data", data.path, "--label", "1"])
      #expect(result.status != 0 && result.errors.contains("the data's checksum: "))
      #expect(checkpoints(directory[1]) == names)
      // The number of threads changes no bit.
      #expect(try train(settings + ["--resume", "--threads", "1"]).status == 0)
    }
  }

  /// Schedules that do not depend on the number of steps, and one that does.
  private static let schedules = [
    ([], true), (["--lr", "0.01", "--schedule", "inverse_sqrt", "--warmup-steps", "5"], true),
    (["--lr", "0.01", "--schedule", "linear"], false),
    (["--lr", "0.01", "--schedule", "inverse_sqrt", "--warmup-steps", "0.1"], false),
  ]

  @Test(arguments: schedules)
  func `A run can be resumed with more epochs unless its schedule depends on them`(
    schedule: [String], goesOn: Bool
  )
    throws
  {
    try ToolRunner.withFolder { folder in
      let settings = schedule + ["--hidden", "4", "--batch-size", "200"]
      let saving = settings + ["--checkpoint-directory", folder.appendingPathComponent("run").path]
      #expect(try train(saving + ["--epochs", "2"]).status == 0)
      let resumed = try train(saving + ["--epochs", "4", "--resume"])
      if goesOn {
        #expect(try report(resumed) == report(train(settings + ["--epochs", "4"])))
        let less = try train(saving + ["--epochs", "3", "--resume"])
        #expect(
          less.status != 0 && less.errors.contains("--epochs is 3, but ") && less.errors.contains("4 epochs"))
      } else {
        #expect(resumed.status != 0)
        #expect(
          resumed.errors.contains("--epochs: 2 in the checkpoint, 4 here, and the schedule depends on it"),
          "\(resumed.errors)")
      }
    }
  }

  @Test func `A position that the run cannot have is an error, even with valid checksums`() throws {
    let points = (0..<40).map { "\($0 % 7),\($0 % 2)\n" }.joined()
    let dataset = try Dataset(Table(bytes: Array(points.utf8), path: "t.csv"))
    var settings = TrainingSettings()
    (settings.epochs, settings.batchSize, settings.hidden) = (3, 10, [])
    try ToolRunner.withFolder { folder in
      let plan = { CheckpointPlan(directory: CheckpointDirectory(path: $0), interval: 5, resumes: true) }
      let path = folder.appendingPathComponent("run").path
      var run = try TrainingRun(dataset, settings: settings)
      _ = try run.run(saving: plan(path))
      let found = try #require(try plan(path).directory.latest()).checkpoint
      let changes: [(inout TrainingJournal) -> Void] = [
        { $0.position.example = -1 }, { $0.position.example = 3 }, { $0.position.example = .max },
        { $0.position.step = .max }, { $0.position.step = -4 }, { $0.position.epoch = -1 },
        { $0.position.epoch = .min }, { $0.epochs = [] }, { $0.lossSum = .nan }, { $0.skippedSteps = -1 },
        { $0.testSeconds = .infinity },
      ]
      for (index, change) in changes.enumerated() {
        var checkpoint = found
        var journal = try found.value(TrainingJournal.self, for: "journal")
        change(&journal)
        checkpoint.position = journal.position
        try checkpoint.setValue(journal, for: "journal")
        let changed = folder.appendingPathComponent("changed \(index)").path
        try CheckpointDirectory(path: changed).save(checkpoint)
        var resumed = try TrainingRun(dataset, settings: settings)
        #expect(throws: ToolFileError.self, "\(index)") { try resumed.resume(plan(changed)) { _ in } }
      }
    }
  }

  @Test func `Mistakes with checkpoints end with a message and a nonzero status`() throws {
    try ToolRunner.withFolder { folder in
      let directory = folder.appendingPathComponent("run").path
      let short = ["--epochs", "1", "--hidden", "0"]
      #expect(try train(short + ["--checkpoint-directory", directory]).status == 0)
      let file = folder.appendingPathComponent("file")
      try Data().write(to: file)
      let mistakes: [([String], String)] = [
        (short + ["--checkpoint-directory", directory], "holds checkpoints of another run"),
        (["--resume"], "--resume needs a directory"),
        (["--checkpoint-every", "3"], "--checkpoint-every needs a directory"),
        (["--keep", "2"], "--keep needs a directory"),
        (["--checkpoint-directory", "x", "--keep", "0"], "--keep is 0"),
        (["--checkpoint-directory", "x", "--checkpoint-every", "0"], "--checkpoint-every is 0"),
        (short + ["--checkpoint-directory", file.path], "Not a directory"),
        (["--compare", "adamw,adafactor", "--checkpoint-directory", "x"], "--compare saves no checkpoints"),
      ]
      for (arguments, message) in mistakes {
        let result = try train(arguments)
        #expect(result.status != 0, "\(arguments)")
        #expect(result.errors.contains(message), "\(arguments): \(result.errors)")
      }
      let empty = folder.appendingPathComponent("empty").path
      let result = try train(short + ["--resume", "--checkpoint-directory", empty])
      #expect(result.status == 0 && result.errors.contains("holds no checkpoint"))
      for name in checkpoints(directory) {
        try Data().write(to: URL(fileURLWithPath: "\(directory)/\(name)/training.json"))
      }
      let lost = try train(short + ["--resume", "--checkpoint-directory", directory])
      #expect(lost.status != 0 && lost.errors.contains("is intact"))
    }
  }
}
