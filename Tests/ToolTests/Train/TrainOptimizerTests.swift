import Foundation
import Optimizers
import Testing

@testable import adafactor

@Suite("adafactor train: optimizers", .serialized)
struct TrainOptimizerTests {
  private struct Report: Decodable, Equatable {
    struct Epoch: Decodable, Equatable {
      let trainingLoss: Double
      let testLoss: Double
    }
    let optimizer: String
    let scalarType: String
    let rounding: String?
    let epochs: [Epoch]
    let steps: Int
    let stateBytes: Int
    let parametersChecksum: String
  }

  private struct Comparison: Decodable {
    struct Run: Decodable {
      let name: String
      let result: Report
    }
    let runs: [Run]
  }

  private func decode<Value: Decodable>(_ type: Value.Type, _ arguments: [String]) throws -> Value {
    let result = try ToolRunner.run(["train", "--json", "--quiet"] + arguments)
    try #require(result.status == 0, "\(result.errors)")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: Data(result.output.utf8))
  }

  private static let short = ["--epochs", "2", "--hidden", "8"]
  /// Weights and biases of 64 → 8 → 10.
  private static let parameters = 64 * 8 + 8 + 8 * 10 + 10

  @Test func `A comparison reports each optimizer's run unchanged, in one table and one chart`() throws {
    let folder = try ToolRunner.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let plot = folder.appendingPathComponent("loss.svg").path
    let names = ["adamw", "adafactor", "adafactor:lr=0.01:no-scale-parameter"]
    let compare = Self.short + ["--compare", names.joined(separator: ",")]
    let comparison = try decode(Comparison.self, compare)
    #expect(comparison.runs.map(\.name) == names)
    let alone = [
      ["--optimizer", "adamw"], [], ["--lr", "0.01", "--no-scale-parameter"],
    ]
    for (run, arguments) in zip(comparison.runs, alone) {
      #expect(try decode(Report.self, Self.short + arguments) == run.result)
    }
    #expect(Set(comparison.runs.map(\.result.parametersChecksum)).count == 3)
    #expect(comparison.runs[0].result.stateBytes == 8 * Self.parameters)

    let result = try ToolRunner.run(["train"] + compare + ["--plot", plot])
    #expect(result.lines.count == 7)
    #expect(result.lines[0].hasPrefix("data     1,797 rows, 65 columns, with a header"))
    #expect(result.lines[1].hasPrefix("classes  0 (178), 1 (182), ") && result.lines[2].isEmpty)
    for (line, name) in zip(result.lines.dropFirst(4), names) {
      #expect(line.hasPrefix(name + "  ") && line.contains(" % "))
      #expect(result.errors.contains("\(name)  epoch 2/2"))
    }
    let svg = try String(contentsOfFile: plot, encoding: .utf8)
    for name in names { #expect(svg.contains(">\(name)<"), "\(name)") }
  }

  @Test func `The table names optimizer, type, micro-batches, clipping and loss scale`() throws {
    let result = try ToolRunner.run(
      [
        "train", "--quiet", "--optimizer", "adamw", "--dtype", "float16", "--accumulate", "3", "--clip-norm",
        "2",
      ]
        + Self.short)
    try #require(result.status == 0, "\(result.errors)")
    let rows = result.lines.map {
      $0.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }
    #expect(
      rows.contains {
        $0.hasPrefix("step 3 micro-batches of 64 samples, clipped to the norm 2.0, loss scale ")
          && $0.hasSuffix(" skipped by it")
      })
    #expect(rows.contains { $0.hasPrefix("optimizer adamw, ") })
    #expect(rows.contains("parameters \(Self.parameters) of float16"))
    #expect(
      rows.contains("optimizer state \(8 * Self.parameters / 1000),\(8 * Self.parameters % 1000) bytes"))
  }

  @Test func `Each rounding gives different results, and only compensated rounding keeps residuals`() throws {
    let sixteen = Self.short + ["--dtype", "bfloat16"]
    for optimizer in ["adafactor", "adamw"] {
      let names = ["nearest", "stochastic", "compensated"].map { "\(optimizer):rounding=\($0)" }
      let runs = try decode(Comparison.self, sixteen + ["--compare", names.joined(separator: ",")]).runs
      #expect(Set(runs.map(\.result.parametersChecksum)).count == 3)
      #expect(runs.map(\.result.rounding) == ["nearest", "stochastic", "compensated"])
      #expect(runs[1].result.stateBytes == runs[0].result.stateBytes)
      #expect(runs[2].result.stateBytes == runs[0].result.stateBytes + 2 * Self.parameters)
      #expect(try decode(Report.self, sixteen + ["--optimizer", optimizer]) == runs[0].result)
    }
    #expect(try decode(Report.self, Self.short).rounding == nil)
    let result = try ToolRunner.run(["train", "--quiet", "--rounding", "stochastic"] + sixteen)
    #expect(result.lines.contains { $0.hasSuffix(" \(Self.parameters) of bfloat16, stochastic rounding") })
  }

  @Test func `Stochastic rounding draws from the seed; other roundings draw nothing`() throws {
    func choice(_ arguments: String...) throws -> OptimizerChoice {
      try OptimizerArguments.parse(arguments).choice(seed: 7)
    }
    #expect(
      try choice("--rounding", "stochastic")
        == OptimizerChoice(AdafactorOptions(rounding: .stochastic, roundingSeed: 7)))
    #expect(
      try choice("--rounding", "stochastic", "--optimizer", "adamw")
        == OptimizerChoice(AdamWOptions(rounding: .stochastic, roundingSeed: 7)))
    #expect(
      try choice("--rounding", "compensated") == OptimizerChoice(AdafactorOptions(rounding: .compensated)))
    #expect(try choice() == OptimizerChoice(AdafactorOptions()))
  }

  @Test func `Options of another optimizer and invalid comparisons are refused by name`() throws {
    let mistakes: [([String], String)] = [
      (["--optimizer", "adamw", "--warmup-init"], "--warmup-init belongs to adafactor"),
      (["--optimizer", "adamw", "--no-scale-parameter"], "--no-scale-parameter belongs to adafactor"),
      (["--optimizer", "adamw", "--clip-threshold", "1"], "--clip-threshold belongs to adafactor"),
      (["--optimizer", "adamw", "--decay-rate=-0.8"], "--decay-rate belongs to adafactor"),
      (["--optimizer", "adamw", "--eps1", "1"], "--eps1 belongs to adafactor"),
      (["--optimizer", "adamw", "--eps2", "1"], "--eps2 belongs to adafactor"),
      (["--beta2", "0.9"], "--beta2 belongs to adamw, lion, came, "),
      (["--eps", "1"], "--eps belongs to adamw, muon, soap"),
      (["--ns-steps", "3"], "--ns-steps belongs to muon"),
      (["--orthogonalization", "polar"], "--orthogonalization belongs to muon"),
      (["--optimizer", "lion", "--momentum", "0"], "--momentum belongs to sgd, muon"),
      (["--optimizer", "sgd", "--nesterov"], "Nesterov momentum requires a momentum and zero dampening"),
      (["--optimizer", "muon", "--adjust-lr-fn", "x"], "--adjust-lr-fn is"),
      (["--optimizer", "muon", "--hidden", "0"], "--hidden 0 there are none"),
      (["--amsgrad"], "--amsgrad belongs to adamw"),
      (["--no-bias-correction"], "--no-bias-correction belongs to adamw"),
      (["--optimizer", "adamw", "--beta2", "1"], "--beta2 is 1.0: "), (["--lr", "-1"], "--lr is -1.0: "),
      (["--eps1", "-1"], "--eps1 is -1.0: "), (["--eps2", "nan"], "--eps2 is nan: "),
      (["--clip-threshold", "0"], "--clip-threshold is 0.0: "),
      (["--decay-rate", "1"], "--decay-rate is 1.0: "),
      (["--weight-decay", "-1"], "--weight-decay is -1.0: "),
      (["--optimizer", "adamw", "--eps", "-1"], "--eps is -1.0: "),
      (["--compare", "adamw,adamw:lr=-1"], "--compare adamw:lr=-1: --lr is -1.0: "),
      (["--optimizer", "rmsprop"], "'rmsprop' is invalid"), (["--dtype", "int8"], "'int8' is invalid"),
      (["--accumulate", "0"], "--accumulate is 0"), (["--clip-norm", "0"], "--clip-norm is 0"),
      (["--accumulate", "9223372036854775807"], "is too large"),
      (
        ["--rounding", "stochastic"], "--rounding stochastic is for 16-bit parameters, but float32 parameters"
      ),
      (
        ["--rounding", "nearest", "--dtype", "float64"],
        "but float64 parameters are stored as they are computed"
      ),
      (["--rounding", "up", "--dtype", "bfloat16"], "'up' is invalid"),
      (
        ["--compare", "adamw,adamw:rounding=compensated"], "--compare adamw:rounding=compensated: --rounding"
      ),
      (
        ["--compare", "adamw,adafactor", "--rounding", "nearest", "--dtype", "bfloat16"],
        "--rounding cannot be combined with --compare"
      ),
      (["--compare", "adamw"], "at least two optimizers"), (["--compare", "rmsprop"], "--compare rmsprop: "),
      (["--compare", "adamw:optimizer=adafactor,adafactor"], "--optimizer cannot be a setting"),
      (["--compare", "adamw,adamw"], "each of them once"),
      (["--compare", "adamw,"], "is invalid"), (["--compare", "adamw,rmsprop"], "--compare rmsprop: "),
      (["--compare", "adamw,adafactor:amsgrad"], "--amsgrad belongs to adamw"),
      (["--compare", "adamw:foo=1,adafactor"], "--compare adamw:foo=1: Unknown option '--foo"),
      (["--compare", "adamw,adafactor", "--lr", "1"], "--lr cannot be combined with --compare"),
      (["--optimizer", "factored_soap", "--schedule", "cosine"], "A schedule scales"),
      (["--optimizer", "soap", "--precondition-frequency", "0"], "--precondition-frequency is 0"),
      (["--optimizer", "galore_adafactor", "--schedule", "cosine"], "A schedule scales"),
      (["--optimizer", "galore_adamw", "--proj-type", "x"], "--proj-type is \"x\": "),
      (["--optimizer", "galore_adamw", "--rank", "0"], "--rank is 0"),
      (["--rank", "4"], "--rank belongs to galore_adamw, galore_adafactor"),
      (["--optimizer", "adamw", "--r", "1"], "--r belongs to schedule_free_adamw"),
      (["--optimizer", "schedule_free_adamw", "--beta1", "0"], "--beta1 is 0.0: "),
      (["--optimizer", "schedule_free_adamw", "--rate-warmup-steps", "-1"], "--rate-warmup-steps"),
      (["--compare", "adamw,adafactor", "--schedule", "cosine"], "--compare adafactor: A schedule scales"),
      (
        ["--compare", "adamw,adafactor:lr=1e30:no-scale-parameter"], "no-scale-parameter: The loss of epoch 1"
      ),
    ]
    for (arguments, message) in mistakes {
      let result = try ToolRunner.run(["train", "--quiet"] + Self.short + arguments)
      #expect(result.status != 0, "\(arguments)")
      #expect(result.errors.contains(message), "\(arguments): \(result.errors)")
      #expect(result.output.isEmpty)
    }
  }
}
