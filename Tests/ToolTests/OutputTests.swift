import Checkpoints
import Foundation
import Tensors
import Testing

@testable import adafactor

/// Tests the outputs of the tool: standard streams and files.
@Suite("Output") struct OutputTests {
  private let folder: URL

  init() throws { folder = try ToolRunner.temporaryFolder() }

  private func withTensors(_ body: () throws -> Void) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try TensorCollection(["w": Tensor([1, 2])]).write(to: folder.appending(path: "w").path)
    try body()
  }

  #if os(Linux)
    @Test func `Full standard output is an error, even for help`() throws {
      try withTensors {
        for arguments in [
          "inspect w", "inspect w --format json", "--help", "help step", "--version", "schedule --list",
          "schedule linear --lr 1 --steps 3",
        ] {
          let result = try ToolRunner.shell("$adafactor \(arguments) > /dev/full", in: folder)
          #expect(result.status == 1, "\(arguments)")
          #expect(
            result.errors == "Error: cannot write to standard output: No space left on device (errno 28)\n")
        }
      }
    }
  #endif

  @Test func `Closed standard output, or one without a reader, is an error`() throws {
    try withTensors {
      let closed = try ToolRunner.shell("$adafactor inspect w >&-", in: folder)
      #expect(closed.status == 1)
      #expect(closed.errors.contains("cannot write to standard output: Bad file descriptor"))
      let unread = try ToolRunner.shell(
        "mkfifo f; exec 3<>f 4>f; exec 3>&-; $adafactor inspect w >&4", in: folder)
      #expect(unread.status == 1)
      #expect(unread.errors.contains("cannot write to standard output: Broken pipe"))
    }
  }

  @Test func `Full or closed standard error has no effect`() throws {
    try withTensors {
      for stream in ["2>&-", "2>/dev/full"] {
        let result = try ToolRunner.shell("$adafactor inspect none \(stream) ; echo $?", in: folder)
        #expect(result.output == "1\n")
      }
    }
  }

  @Test func `A negative value follows its option with or without an equals sign`() {
    let joined = { (arguments: [String]) in AdafactorCommand.joiningNegativeValues(arguments) }
    #expect(
      joined(["train", "--decay-rate", "-0.8", "--lr", "1"]) == ["train", "--decay-rate=-0.8", "--lr", "1"])
    #expect(joined(["--hidden", "-1,2", "--x=1", "-2"]) == ["--hidden=-1,2", "--x=1", "-2"])
    #expect(joined(["--lr", "--steps", "-inf"]) == ["--lr", "--steps=-inf"])
    #expect(joined(["--lr", "-h", "-", "--", "--a", "-1"]) == ["--lr", "-h", "-", "--", "--a", "-1"])
  }

  @Test func `A negative value is accepted or refused according to its option`() throws {
    let trained = try ToolRunner.run("train", "--epochs", "1", "--quiet", "--decay-rate", "-0.7")
    #expect(trained.status == 0, "\(trained.errors)")
    let refused = try ToolRunner.run("train", "--epochs", "-1")
    #expect(refused.errors.contains("--epochs is -1, but must be at least 1."))
  }

  @Test func `An output follows its path, and wrong endings and input files are refused`() throws {
    try withTensors {
      let link = folder.appending(path: "link.svg").path
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "target.svg")
      try OutputFile(link, option: "--plot", endings: ["svg"]).write("text")
      #expect(try String(contentsOf: folder.appending(path: "target.svg"), encoding: .utf8) == "text")
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
          == ["link.svg", "target.svg", "w"])
      #expect(throws: (any Error).self) { _ = try OutputFile("loss.png", option: "--plot", endings: ["svg"]) }
      #expect(throws: (any Error).self) { _ = try OutputFile("/none/loss.svg", option: "--plot") }
      let output = try OutputFile(folder.path + "/./w", option: "--plot", endings: ["svg"])
      #expect(throws: (any Error).self) {
        try output.requireOther(than: folder.appending(path: "w").path, of: "--data")
      }
      try output.requireOther(than: link, of: "--data")
      let schedule = "schedule linear --lr 1 --steps 3 --output"
      let picture = try ToolRunner.shell("$adafactor \(schedule) rates.png", in: folder)
      #expect(picture.errors.contains("--output is rates.png, but .png is not a format that can be written"))
      let streamed = try ToolRunner.shell("$adafactor \(schedule) - | head -n 1", in: folder)
      #expect(streamed.output == "step,lr\n")
    }
  }
}
