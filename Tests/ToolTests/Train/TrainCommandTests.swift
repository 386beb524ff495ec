import Foundation
import Tensors
import Testing

@testable import adafactor

@Suite("adafactor train", .serialized)
struct TrainCommandTests {
  private func train(_ arguments: String...) throws -> ToolRunner.Result {
    try ToolRunner.run(["train"] + arguments)
  }

  private struct Report: Decodable {
    struct Epoch: Decodable, Equatable {
      let trainingLoss: Double
      let testLoss: Double
      let testAccuracy: Double
    }
    let epochs: [Epoch]
    let testAccuracy: Double
    let stateBytes: Int
    let adamwStateBytes: Int
    let samples: Int
    let backend: String
    let parametersChecksum: String
  }

  private func report(_ result: ToolRunner.Result) throws -> Report {
    #expect(result.status == 0, "\(result.errors)")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Report.self, from: Data(result.output.utf8))
  }

  @Test func `Adafactor learns the digits to at least 97 %, with a state far smaller than AdamW's`() throws {
    // In a debug build, all epochs would take a minute in pure Swift.
    let epochs = Backend.available.contains(.openBLAS) ? [] : ["--epochs", "10"]
    let report = try report(ToolRunner.run(["train", "--json", "--quiet"] + epochs))
    #expect(report.testAccuracy >= 0.97)
    #expect(report.samples == 1797)
    #expect(report.stateBytes * 40 < report.adamwStateBytes)
  }

  @Test(arguments: Backend.available)
  func `The same seed prints the same losses`(backend: Backend) throws {
    let runs = try (0..<2).map { _ in
      try report(
        train("--json", "--epochs", "2", "--hidden", "16", "--seed", "5", "--backend", backend.rawValue))
    }
    #expect(runs[0].epochs == runs[1].epochs)
    #expect(runs[0].backend == backend.rawValue)
  }

  @Test func `With one OpenBLAS thread, or in pure Swift, the bits don't depend on threads`() throws {
    func checksum(_ backend: Backend, openBLASThreads: Int, threads: Int) throws -> String {
      try report(
        ToolRunner.run(
          [
            "train", "--quiet", "--json", "--epochs", "1", "--hidden", "600", "--optimizer", "soap",
            "--max-precond-dim", "64", "--backend", backend.rawValue, "--threads", "\(threads)",
          ], environment: ["OPENBLAS_NUM_THREADS": "\(openBLASThreads)"])
      ).parametersChecksum
    }
    for backend in Backend.available {
      let other = backend == .swift ? 2 : 1
      #expect(
        try checksum(backend, openBLASThreads: 1, threads: 1)
          == checksum(backend, openBLASThreads: other, threads: 2))
    }
  }

  @Test func `Progress goes to standard error, a table to standard output, and the loss is drawn`() throws {
    let folder = try ToolRunner.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let plot = folder.appendingPathComponent("loss.svg").path
    let result = try train("--epochs", "3", "--hidden", "16", "--plot", plot)
    #expect(result.status == 0)
    #expect(result.errors.split(separator: "\n").count == 3)
    #expect(result.errors.contains("epoch 3/3  loss ") && result.errors.contains("s left"))
    for row in ["test accuracy", "time", "gradient", "optimizer", "parameters", "optimizer state", "backend"]
    {
      #expect(result.lines.contains { $0.hasPrefix(row + "  ") }, "\(row)")
    }
    #expect(result.output.contains("AdamW would hold"))
    let svg = try String(contentsOfFile: plot, encoding: .utf8)
    #expect(svg.hasPrefix("<svg") && svg.contains("training") && svg.contains("held-out"))
  }

  @Test func `The user's own table can be learned`() throws {
    let folder = try ToolRunner.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("my.csv")
    let rows = (0..<80).map { "\($0 % 2 == 0 ? "even" : "odd");\(Double($0 % 2) + Double($0) / 1000);7" }
    try ("kind;value;constant\n" + rows.joined(separator: "\n")).write(
      to: file, atomically: true, encoding: .utf8)
    let report = try report(
      train(
        "--data", file.path, "--label", "kind", "--delimiter", ";", "--epochs", "20", "--batch-size", "8",
        "--json",
        "--lr", "0.01", "--no-scale-parameter", "--schedule", "linear", "--warmup-steps", "0.1", "--hidden",
        "8,4"))
    #expect(report.testAccuracy == 1)
  }

  #if os(Linux)
    @Test
    func
      `Full standard output is an error after the model is saved, and full standard error ends nothing`()
      throws
    {
      try ToolRunner.withFolder { folder in
        let train = "$adafactor train --epochs 2 --hidden 0"
        let full = try ToolRunner.shell("\(train) --quiet --model m.safetensors > /dev/full", in: folder)
        #expect(full.status == 1)
        #expect(full.errors == "Error: cannot write to standard output: No space left on device (errno 28)\n")
        _ = try Classifier(path: folder.appending(path: "m.safetensors").path)
        for stream in ["2>/dev/full", "2>&-"] {
          let result = try ToolRunner.shell("\(train) \(stream)", in: folder)
          #expect(result.status == 0 && result.lines.count == 10, "\(stream)")
        }
      }
    }

    @Test func `On a terminal of 80 columns, reports are wrapped to its width`() throws {
      let alone = try ToolRunner.runInTerminal("train", "--epochs", "1", "--hidden", "0", "--accumulate", "2")
      #expect(alone.lines.count > 10 && alone.lines.allSatisfy { $0.count <= 80 }, "\(alone.output)")
      let names = ["adafactor:lr=1e-3:no-scale-parameter:weight-decay=0.1", "adamw"]
      let compared = try ToolRunner.runInTerminal(
        "train", "--epochs", "1", "--hidden", "0", "--compare", names.joined(separator: ","))
      #expect(compared.lines.allSatisfy { $0.count <= 80 }, "\(compared.output)")
      for name in names { #expect(compared.lines.contains(name), "\(compared.output)") }
    }
  #endif

  @Test func `The destination of a file is checked before training`() throws {
    try ToolRunner.withFolder { folder in
      try "a,b\n1,x\n".write(to: folder.appending(path: "t.csv"), atomically: true, encoding: .utf8)
      for (options, message) in [
        ("--plot loss.png", "--plot is loss.png, but .png is not a format that can be written: use .svg"),
        ("--model m.bin", "--model is m.bin, but .bin is not a format that can be written: use .safetensors"),
        ("--model none/m.safetensors", "none"),
        ("--plot o --model o", "--model and --plot are the same file"),
        ("--data t.csv --model t.csv", "--model is t.csv, but .csv"),
        ("--data t.csv --plot ./t.csv", "--plot is ./t.csv, but .csv"),
      ] {
        // This file never ends, so nothing is trained.
        let result = try ToolRunner.shell("$adafactor train --epochs 100000000 \(options)", in: folder)
        #expect(result.status != 0 && result.output.isEmpty)
        #expect(result.errors.contains(message), "\(result.errors)")
      }
      let streamed = try ToolRunner.shell(
        "$adafactor train --quiet --epochs 1 --hidden 0 --plot -", in: folder)
      #expect(streamed.output.hasPrefix("<svg") && streamed.errors.hasPrefix("test accuracy"))
    }
  }

  @Test func `Mistakes end with a message on standard error and a nonzero status`() throws {
    let folder = try ToolRunner.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("bad.csv")
    try "a,b\n1,x\n2,y\nz,x\n".write(to: file, atomically: true, encoding: .utf8)
    let missing = folder.appendingPathComponent("missing.csv").path
    let mistakes: [([String], String)] = [
      (["--data", file.path], "line 4, column 1: \"z\" is not a finite number (column \"a\")"),
      (["--data", missing], "cannot be read: No such file or directory"),
      (["--schedule", "cosine"], "give one with --lr"),
      (["--lr", "1", "--warmup-init"], "--warmup-init belongs to"),
      (["--warmup-steps", "3"], "give one with --schedule"), (["--epochs", "0"], "--epochs is 0"),
      (["--batch-size", "0"], "--batch-size is 0"), (["--threads", "0"], "--threads is 0"),
      (["--test-fraction", "1"], "--test-fraction is 1"), (["--beta1", "1"], "beta1 is 1"),
      (["--hidden", "3,0"], "'3,0' is invalid for '--hidden <n,n,…>': Widths are whole numbers"),
      (["--label", "x"], "--label belongs to your own table: give it with --data"),
      (["--header", "no"], "--header belongs to"), (["--delimiter", ","], "--delimiter belongs to"),
      (["--missing", "drop"], "--missing belongs to"), (["--ignore", "1"], "--ignore belongs to"),
      (["--data", file.path, "--delimiter", "ab"], "A delimiter is one ASCII character"),
      (["--data", file.path, "--header", "maybe"], "one of 'yes' and 'no'"),
      (["--epochs", "9223372036854775807"], "--epochs is 9223372036854775807: with 23 steps per epoch"),
      (["--hidden", "9223372036854775807"], "--hidden 9223372036854775807 makes a model of"),
      (["--compare", "adamw,adafactor", "--model", "m"], "remove --model"),
      (["--backend", "other"], "'other' is invalid"),
      (["--lr", "0.1", "--schedule", "nonsense"], "nonsense is not a valid SchedulerType"),
      (["--lr", "1e30", "--no-scale-parameter", "--quiet"], "has diverged"),
      (
        ["--epochs", "1", "--hidden", "0", "--plot", folder.path],
        "cannot replace \(folder.path): Is a directory"
      ),
    ]
    for (arguments, message) in mistakes {
      let result = try ToolRunner.run(["train"] + arguments)
      #expect(result.status != 0, "\(arguments)")
      #expect(result.errors.contains(message), "\(arguments): \(result.errors)")
    }
  }
}
