import Foundation
import Schedules
import Testing

@testable import adafactor

@Suite("adafactor schedule")
struct ScheduleCommandTests {
  private func schedule(_ arguments: String...) throws -> ToolRunner.Result {
    try ToolRunner.run(["schedule"] + arguments)
  }

  // MARK: csv

  @Test func `Csv has the header step,lr and one row per step from 0, with rates that read back exactly`()
    throws
  {
    let result = try schedule(
      "cosine", "--lr", "0.0012345678901234567", "--steps", "37", "--warmup-steps", "7",
      "--training-steps", "30", "--format", "csv")
    #expect(result.status == 0)
    #expect(result.errors == "")
    #expect(result.lines.first == "step,lr")
    #expect(result.lines.count == 38)
    let expected = try CosineSchedule(warmupSteps: 7, trainingSteps: 30)
    for (step, line) in result.lines.dropFirst().enumerated() {
      let cells = line.split(separator: ",")
      #expect(cells[0] == "\(step)")
      #expect(Double(cells[1]) == expected.rate(at: step, initialRate: 0.0012345678901234567))
    }
  }

  @Test func `Row s holds the rate before metric s is observed`() throws {
    let folder = try ToolRunner.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("metrics.txt")
    try "1\n1\n\n1\n1\n".write(to: file, atomically: true, encoding: .utf8)
    // With patience 0, the first metric is the best, and each of the next metrics halves the rate for the row
    // after it.
    let result = try schedule(
      "reduce_lr_on_plateau", "--lr", "1", "--steps", "5", "--metrics", file.path,
      "--option", "patience=0", "--option", "factor=0.5")
    #expect(result.lines == ["step,lr", "0,1.0", "1,1.0", "2,0.5", "3,0.25", "4,0.125"])
  }

  @Test func `Options have the names of the reference's arguments`() throws {
    let result = try schedule(
      "polynomial", "--lr", "1", "--steps", "3", "--training-steps", "2", "--option", "lr_end=0.25",
      "--option", "power=2")
    #expect(result.lines == ["step,lr", "0,1.0", "1,0.4375", "2,0.25"])
  }

  @Test func `A warmup may be a fraction of the training, rounded up`() throws {
    let result = try schedule("constant_with_warmup", "--lr", "1", "--steps", "5", "--warmup-steps", "0.25")
    #expect(result.lines == ["step,lr", "0,0.0", "1,0.5", "2,1.0", "3,1.0", "4,1.0"])
  }

  @Test func `Several schedules are columns, and an option goes to every schedule that has it`() throws {
    let result = try schedule(
      "linear", "step", "exponential", "--lr", "1", "--steps", "4", "--option", "gamma=0.5",
      "--option", "step.step_size=2", "--option", "exponential.gamma=0.25")
    #expect(
      result.lines == [
        "step,linear,step,exponential", "0,1.0,1.0,1.0", "1,0.75,1.0,0.25", "2,0.5,0.5,0.0625",
        "3,0.25,0.5,0.015625",
      ])
  }

  @Test func `A long table is written piece by piece, to files too`() throws {
    let folder = try ToolRunner.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("rates.csv").path
    let arguments = ["linear", "constant", "--lr", "0.1", "--steps", "20000"]
    let result = try ToolRunner.run(["schedule"] + arguments)
    #expect(result.lines.count == 20_001 && result.lines.last?.hasPrefix("19999,") == true)
    #expect(try ToolRunner.run(["schedule"] + arguments + ["--output", file]).status == 0)
    #expect(try String(contentsOfFile: file, encoding: .utf8) == result.output)

    let linear = try AnyLearningRateSchedule(named: "linear", warmupSteps: 0, trainingSteps: 20_000)
    let rates = try ScheduleRates("linear", of: linear, initialRate: 0.1, steps: 20_000, metrics: nil)
    var pieces: [String] = []
    try ScheduleReport.writeCSV([rates], steps: 20_000) { pieces.append($0) }
    #expect(pieces.count > 3 && pieces.allSatisfy { $0.utf8.count < 70_000 })
    #expect(pieces.joined() == (try schedule(arguments[0], "--lr", "0.1", "--steps", "20000").output))
  }

  @Test func `More than a million steps are possible only as csv`() throws {
    for format in ["table", "json", "svg", "plot"] {
      let result = try schedule("linear", "--lr", "1", "--steps", "1000001", "--format", format)
      #expect(result.status == 64 && result.errors.contains("--steps: 1 to 1000000 as \(format)"))
    }
    let result = try schedule("linear", "--lr", "1", "--steps", "1000000001", "--format", "csv")
    #expect(result.status == 64 && result.errors.contains("--steps: 1 to 1000000000 as csv"))
    // An error at a late step is reported before the first row is written.
    let late = try schedule("exponential", "--lr", "1", "--steps", "2000000", "--option", "gamma=1.001")
    #expect(late.status != 0 && late.output == "" && late.errors.contains("above the largest finite number"))
  }

  // MARK: Other formats

  @Test func `Json holds the initial rate and the rates of each schedule`() throws {
    let result = try schedule("linear", "constant", "--lr", "0.1", "--steps", "3", "--format", "json")
    struct Document: Decodable, Equatable {
      struct Entry: Decodable, Equatable {
        let name: String
        let rates: [Double]
      }
      let initialRate: Double
      let schedules: [Entry]
    }
    let document = try JSONDecoder().decode(Document.self, from: Data(result.output.utf8))
    let linear = try LinearSchedule(trainingSteps: 3)
    #expect(
      document
        == Document(
          initialRate: 0.1,
          schedules: [
            .init(name: "linear", rates: (0..<3).map { linear.rate(at: $0, initialRate: 0.1) }),
            .init(name: "constant", rates: [0.1, 0.1, 0.1]),
          ]))
  }

  @Test func `A table aligns its columns`() throws {
    let result = try schedule("linear", "--lr", "1", "--steps", "2", "--format", "table")
    #expect(result.lines == ["step   lr", "   0  1.0", "   1  0.5"])
  }

  @Test func `Svg is written to the file that --output names, with one point of the curve per step`() throws {
    let folder = try ToolRunner.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("rates.svg")
    let result = try schedule("linear", "--lr", "1", "--steps", "11", "--output", file.path)
    #expect(result.status == 0)
    #expect(result.output == "")
    let svg = try String(contentsOf: file, encoding: .utf8)
    #expect(svg.hasPrefix("<svg") && svg.hasSuffix("</svg>\n"))
    let curve = try #require(svg.split(separator: "\n").first { $0.contains("<polyline class=\"curve c0\"") })
    #expect(curve.split(separator: ",").count - 1 == 11)
  }

  @Test func `--output writes to a link's target, a name with capitals, and standard output`() throws {
    try ToolRunner.withFolder { folder in
      let (link, target) = (folder.appendingPathComponent("link.csv"), folder.appendingPathComponent("rates"))
      try Data().write(to: target)
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: target)
      let arguments = ["schedule", "constant", "--lr", "1", "--steps", "1", "--output"]
      #expect(try ToolRunner.run(arguments + [link.path]).status == 0)
      #expect(try String(contentsOf: target, encoding: .utf8) == "step,lr\n0,1.0\n")
      #expect(try ToolRunner.run(arguments + ["-"]).output == "step,lr\n0,1.0\n")
      let picture = folder.appendingPathComponent("rates.SVG")
      #expect(try ToolRunner.run(arguments + [picture.path]).status == 0)
      #expect(try String(contentsOf: picture, encoding: .utf8).hasPrefix("<svg"))
    }
  }

  @Test func `In a terminal, a falling line is drawn from the top left to the bottom right`() throws {
    let result = try schedule(
      "linear", "--lr", "1", "--steps", "101", "--training-steps", "100", "--format", "plot")
    let rows = result.lines.filter { $0.contains("│") || $0.contains("┤") }
    let firstDots = rows.map { row in row.unicodeScalars.firstIndex { (0x2801...0x28FF).contains($0.value) } }
    #expect(rows.count >= 8)
    for (row, next) in zip(zip(rows, firstDots), zip(rows, firstDots).dropFirst()) {
      let start = try #require(row.1.map { row.0.unicodeScalars.distance(from: row.0.startIndex, to: $0) })
      let nextStart = try #require(
        next.1.map { next.0.unicodeScalars.distance(from: next.0.startIndex, to: $0) })
      #expect(start < nextStart)
    }
  }

  #if os(Linux)
    @Test
    func `On a terminal, the default is a plot of its width, in colors unless NO_COLOR is set`()
      throws
    {
      let colored = try ToolRunner.runInTerminal(
        "schedule", "linear", "rex", "--lr", "1", "--steps", "50", columns: 50, environment: ["NO_COLOR": ""])
      #expect(colored.status == 0)
      #expect(colored.output.contains("\u{1B}[31m━━ rex"))
      let plain = try ToolRunner.runInTerminal(
        "schedule", "linear", "rex", "--lr", "1", "--steps", "50", columns: 50, environment: ["NO_COLOR": "1"]
      )
      #expect(plain.status == 0)
      #expect(plain.lines.map(\.count).max() == 50)
      #expect(plain.lines.last == "a linear   b rex")
      #expect(!plain.output.contains("\u{1B}"))
    }
  #endif

  @Test func `--list describes every schedule and every option`() throws {
    let result = try schedule("--list")
    #expect(result.status == 0)
    #expect(result.lines.allSatisfy { $0.count <= 80 })
    for entry in ScheduleCatalog.entries {
      #expect(result.lines.contains { $0.hasPrefix("  \(entry.name): ") })
      for option in entry.options {
        #expect(result.lines.contains { $0.hasPrefix("    \(option.name)") })
      }
    }
  }

  // MARK: Errors

  @Test(arguments: [
    (
      ["nope", "--lr", "1", "--steps", "3"],
      "nope is not a valid SchedulerType, please select one of ['linear', "
    ),
    (["linear", "--steps", "3"], "--lr"),
    (["linear", "--lr", "1"], "--steps"),
    (["--lr", "1", "--steps", "3"], "--list"),
    (["linear", "--lr", "1", "--steps", "0"], "--steps"),
    (["linear", "--lr", "-1", "--steps", "3"], "--lr"),
    (["greedy", "--lr", "1", "--steps", "3"], "--metrics"),
    (
      ["linear", "--lr", "1", "--steps", "3", "--option", "power=2"],
      "linear got an unexpected keyword argument 'power'; it has no options"
    ),
    (
      ["cosine", "--lr", "1", "--steps", "3", "--option", "num_cycles=many"],
      "cosine: the option num_cycles is many, but must be a number"
    ),
    (["cosine", "--lr", "1", "--steps", "3", "--option", "num_cycles"], "num_cycles"),
    (["linear", "--lr", "1", "--steps", "3", "--option", "cosine.num_cycles=1"], "cosine.num_cycles"),
    (
      ["linear", "--lr", "1", "--steps", "3", "--warmup-steps=-1"],
      "linear: --warmup-steps is -1, but must be at least 0"
    ),
    (["linear", "--lr", "1", "--steps", "3", "--warmup-steps", "1.5"], "1.5"),
    (
      ["rex", "--lr", "1", "--steps", "3", "--warmup-steps=-1"],
      "rex: --warmup-steps is -1, but must be at least 0"
    ),
    (["exponential", "--lr", "1", "--steps", "3", "--option", "gamma=-1"], "exponential: gamma is -1.0"),
    (["wsd", "--lr", "1", "--steps", "3", "--option", "num_decay_steps=-1"], "wsd: num_decay_steps is -1"),
    (
      ["one_cycle", "--lr", "1e10", "--steps", "3", "--option", "div_factor=1e-300"],
      "one_cycle: div_factor is 1e-300, but the first rate would be infinite"
    ),
    (
      ["rex", "--lr", "1", "--steps", "3", "--warmup-steps", "4"],
      "rex: --steps is 3, but must include the warmup of 4 steps"
    ),
    (
      ["polynomial", "--lr", "1e-8", "--steps", "3"],
      "lr_end (1e-07) must be smaller than initial lr (1e-08)"
    ),
    (["linear", "--lr", "1", "--steps", "3", "--format", "png"], "png"),
    (
      ["linear", "--lr", "1", "--steps", "3", "--output", "/nonexistent/x.csv"],
      "cannot open the directory /nonexistent"
    ),
    (
      ["linear", "--lr", "1", "--steps", "3", "--output", "rates.png"],
      "--output is rates.png, but .png is not a format that can be written"
    ),
    (["linear", "--lr", "1", "--steps", "9223372036854775807"], "--steps: 1 to 1000000"),
    (
      ["linear", "--lr", "1", "--steps", "3", "--training-steps", "9223372036854775807"],
      "linear: --training-steps is 9223372036854775807, but must be at most 9007199254740992"
    ),
    (
      ["linear", "--lr", "1", "--steps", "3", "--warmup-steps", "9223372036854775807"],
      "linear: --warmup-steps is 9223372036854775807"
    ),
    (
      ["exponential", "--lr", "1", "--steps", "1100", "--option", "gamma=2", "--format", "json"],
      "exponential: the rate of step 1024 is above the largest finite number"
    ),
    (
      ["linear", "constant", "--lr", "1", "--steps", "4", "--warmup-steps", "2"],
      "constant has no warmup, but 2 warmup steps were requested"
    ),
    (
      ["linear", "rex", "--lr", "1", "--steps", "3", "--metrics", "/dev/null"],
      "--metrics is for a schedule that follows a metric, but the step drives linear, rex"
    ),
    (["--list", "--format", "json"], "remove --format"),
    (
      ["linear", "--list", "--warmup-steps", "1", "--logarithmic"],
      "remove linear, --warmup-steps, --logarithmic"
    ),
    (["linear", "--lr", "1", "--steps", "3", "--logarithmic"], "the format is csv"),
    (
      ["linear", "--lr", "1", "--steps", "3", "--logarithmic", "--output", "x.json"],
      "--logarithmic changes the axis of a chart, but the format is json"
    ),
  ])
  func `Problems are reported on standard error, with a failing status and no output`(
    arguments: [String], message: String
  ) throws {
    let result = try ToolRunner.run(["schedule"] + arguments)
    #expect(result.status != 0)
    #expect(result.output == "")
    #expect(result.errors.contains(message), "\(result.errors)")
  }

  @Test(arguments: ["\n", "\r\n", "\r"])
  func `A metrics file may have any line endings, and may be standard input`(end: String) throws {
    let folder = try ToolRunner.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("metrics.txt")
    try Data(["1", "1", "", "1", ""].joined(separator: end).utf8).write(to: file)
    let arguments = [
      "schedule", "reduce_lr_on_plateau", "--lr", "1", "--steps", "4", "--option", "patience=0",
      "--option", "factor=0.5", "--metrics",
    ]
    let expected = ["step,lr", "0,1.0", "1,1.0", "2,0.5", "3,0.25"]
    #expect(try ToolRunner.run(arguments + [file.path]).lines == expected)
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    let (tool, output) = (try ToolRunner.executable().path, folder.appendingPathComponent("rates.csv").path)
    shell.arguments =
      [
        "-c", #"f=$1; shift; cat "$f" | "$@""#, "sh", file.path, tool,
      ] + arguments + ["/dev/stdin", "--output", output]
    try shell.run()
    shell.waitUntilExit()
    let rates = try String(contentsOfFile: output, encoding: .utf8)
    #expect(rates == expected.map { $0 + "\n" }.joined())
  }

  @Test func `Errors in a metrics file name the file and the line`() throws {
    let folder = try ToolRunner.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("metrics.txt").path
    let missing = try schedule("greedy", "--lr", "1", "--steps", "3", "--metrics", file)
    #expect(missing.status != 0 && missing.errors.contains("\(file): "))
    try "0.5\n\n0,4\n".write(toFile: file, atomically: true, encoding: .utf8)
    let wrong = try schedule("greedy", "--lr", "1", "--steps", "3", "--metrics", file)
    #expect(wrong.status != 0 && wrong.errors.contains("\(file):3: '0,4' is not a number"))
    try "0.5\n".write(toFile: file, atomically: true, encoding: .utf8)
    let short = try schedule("greedy", "--lr", "1", "--steps", "3", "--metrics", file)
    #expect(short.status != 0 && short.errors.contains("\(file): has 1 numbers, but 3 steps need at least 2"))
  }
}
