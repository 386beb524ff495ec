import Checkpoints
import Foundation
import Tensors
import TestSupport
import Testing

@testable import adafactor

private let python = Python.find(
  variable: "SAFETENSORS_PYTHON", running: "import numpy; from safetensors import safe_open")

@Suite("adafactor predict", .serialized)
struct PredictCommandTests {
  /// Three classes of points, and the table's header: x and y are features, and "note" is not.
  private static let header = "note,x,\"the y\",constant,kind"
  private static let rows = (0..<120).map { index -> String in
    let (angle, radius) = (Double(index) * 2.4, Double(index % 3) * 2 + 1)
    return
      "n\(index),\(radius * cos(angle)),\(1000 + radius * sin(angle)),7,\(["in, side", "middle", "out"][index % 3])"
  }

  /// Trains a model in `folder`, and returns its path and the table's.
  private func trained(in folder: URL, _ arguments: String...) throws -> (model: String, data: String) {
    let data = folder.appendingPathComponent("data.csv").path
    let rows = Self.rows.map { $0.replacingOccurrences(of: "in, side", with: "\"in, side\"") }
    try ([Self.header] + rows).joined(separator: "\n").write(toFile: data, atomically: true, encoding: .utf8)
    let model = folder.appendingPathComponent("model.safetensors").path
    let result = try ToolRunner.run(
      [
        "train", "--quiet", "--data", data, "--ignore", "note", "--model", model, "--epochs", "60",
        "--hidden", "16",
        "--batch-size", "32", "--optimizer", "adamw", "--lr", "0.03",
      ] + arguments)
    try #require(result.status == 0, "\(result.errors)")
    return (model, data)
  }

  private func predict(_ arguments: String...) throws -> [[String]] {
    let result = try ToolRunner.run(["predict"] + arguments)
    try #require(result.status == 0, "\(result.errors)")
    var reader = CSVReader(Array(result.output.utf8), path: "output")
    var records: [[String]] = []
    while let record = try reader.next() { records.append(record.fields) }
    return records
  }

  @Test(arguments: ["float32", "bfloat16", "float64"])
  func `Each row gets its class and the probabilities of all classes`(type: String) throws {
    try ToolRunner.withFolder { folder in
      let (model, data) = try trained(in: folder, "--dtype", type)
      let records = try predict("--model", model, "--data", data)
      #expect(records[0] == ["line", "prediction", "in, side", "middle", "out"])
      #expect(records.count == 121)
      var correct = 0
      for (index, record) in records.dropFirst().enumerated() {
        let probabilities = record[2...].compactMap(Double.init)
        try #require(probabilities.count == 3)
        #expect(record[0] == "\(index + 2)")
        #expect(abs(probabilities.reduce(0, +) - 1) < 1e-5)
        let best = probabilities.indices.max { probabilities[$0] < probabilities[$1] }!
        #expect(record[1] == records[0][2 + best])
        if best == index % 3 { correct += 1 }
      }
      #expect(correct > 110)
      // A file has the same contents as standard output.
      let output = folder.appendingPathComponent("out.csv").path
      #expect(
        try ToolRunner.run("predict", "--model", model, "--data", data, "--output", output).output == "")
      #expect(
        try String(contentsOfFile: output, encoding: .utf8)
          == ToolRunner.run("predict", "--model", model, "--data", data).output)
    }
  }

  @Test(arguments: ScalarType.allCases)
  func `A model that is read from its file has the trained model's probabilities for held-out samples`(
    type: ScalarType
  ) throws {
    let lines = Self.rows.map {
      $0.split(separator: ",", maxSplits: 4).dropFirst().joined(separator: ",") + "\n"
    }
    let table = try Table(
      bytes: Array(lines.joined().replacingOccurrences(of: "in, side", with: "inside").utf8), path: "t.csv")
    let dataset = try Dataset(table)
    var settings = TrainingSettings()
    (settings.epochs, settings.hidden, settings.scalarType) = (4, [5], type)
    var run = try TrainingRun(dataset, settings: settings)
    _ = try run.run()
    let folder = try TemporaryFolder()
    try Classifier(run.model, run.description).write(to: folder.file("m.safetensors"))
    let classifier = try Classifier(path: folder.file("m.safetensors"))

    // The run's own split, from the same seed.
    var generator = SeededGenerator(seed: settings.seed)
    let held = dataset.split(testFraction: settings.testFraction, using: &generator).test
    let text = (0..<held.count).map {
      "\(held.features[$0, 0]),\(held.features[$0, 1]),\(held.features[$0, 2])\n"
    }
    let rows = try Table(
      bytes: Array(text.joined().utf8), path: "held",
      format: .init(choice: .features(of: classifier.description)))
    let predicted = try classifier.predictions(rows).split(separator: "\n").dropFirst()
    let expected = run.model.logits(run.test.features).converted(to: .float32).logSoftmax().exp()
    try #require(predicted.count == held.count)
    for (row, line) in predicted.enumerated() {
      let values = line.split(separator: ",").dropFirst(2).compactMap { Float($0) }
      #expect(values == (0..<3).map { Float(expected[row, $0]) })
    }
  }

  @Test func `Columns are found by name in any order, or by position without a header`() throws {
    try ToolRunner.withFolder { folder in
      let (model, data) = try trained(in: folder)
      let expected = try predict("--model", model, "--data", data).map { Array($0.dropFirst()) }
      func same(_ lines: [String], _ arguments: String...) throws -> Bool {
        let path = folder.appendingPathComponent("other.csv").path
        try lines.joined(separator: "\r\n").write(toFile: path, atomically: true, encoding: .utf8)
        let result = try ToolRunner.run(["predict", "--model", model, "--data", path] + arguments)
        try #require(result.status == 0, "\(result.errors)")
        var reader = CSVReader(Array(result.output.utf8), path: "output")
        var records: [[String]] = []
        while let record = try reader.next() { records.append(Array(record.fields.dropFirst())) }
        return records == expected
      }
      let fields = Self.rows.map { $0.split(separator: ",", maxSplits: 4).map(String.init) }
      #expect(try same(["constant,the y,x"] + fields.map { "\($0[3]),\($0[2]),\($0[1])" }))
      #expect(try same(fields.map { "\($0[1]),\($0[2]),\($0[3])" }))
      #expect(try same(fields.map { "\($0[1]);\($0[2]);\($0[3])" }, "--delimiter", ";", "--header", "no"))
      #expect(try same(fields.map { "\($0[0]),\($0[1]),\($0[2]),\($0[3]),unknown" }, "--header", "no"))
    }
  }

  @Test func `A row with a missing value is an error or is skipped, and a missing column is an error`() throws
  {
    try ToolRunner.withFolder { folder in
      let (model, data) = try trained(in: folder)
      let table = folder.appendingPathComponent("other.csv").path
      func result(_ text: String, _ arguments: String...) throws -> ToolRunner.Result {
        try text.write(toFile: table, atomically: true, encoding: .utf8)
        return try ToolRunner.run(["predict", "--model", model, "--data", table] + arguments)
      }
      let mistakes = [
        (
          "x,the y,constant\n1,1000,7\n1,,7\n",
          "other.csv, line 3, column 2: a value is missing (column \"the y\"); skip"
        ),
        (
          "x,the y,constant\n1,none,7\n",
          "\"none\" is not a finite number (column \"the y\"); the model needs a number"
        ),
        ("x,y,constant\n1,1000,7\n", "has no column \"the y\", which the model was trained on"),
        (
          "x,the y,the y,constant\n1,1000,1,7\n",
          "has several columns \"the y\", but the model needs exactly one"
        ),
        ("1,2\n", "has 2 columns; the model needs its 3 features, or all 5 columns"),
        ("x,the y,constant\n1,1e300,7\n", "line 2: the model's result for this row is not finite"),
      ]
      for (text, message) in mistakes {
        let result = try result(text)
        #expect(result.status != 0 && result.output.isEmpty)
        #expect(result.errors.contains(message), "\(result.errors)")
      }
      let dropped = try result("x,the y,constant\n1,1000,7\n1,,7\n2,1000,7\n", "--missing", "drop")
      #expect(dropped.lines.count == 3 && dropped.lines[2].hasPrefix("4,"))
      #expect(dropped.errors.contains("1 row of \(table) skipped because of a missing value"))
      let noModel = try ToolRunner.run("predict", "--model", data, "--data", data)
      #expect(noModel.status != 0)
    }
  }

  @Test func `A checkpoint's model predicts like the model file, and other files are errors`()
    throws
  {
    try ToolRunner.withFolder { folder in
      let run = folder.appendingPathComponent("run").path
      let (model, data) = try trained(in: folder, "--checkpoint-directory", run, "--keep", "1")
      let checkpoint = try #require(
        FileManager.default.contentsOfDirectory(atPath: run).first { $0.hasPrefix("checkpoint-") })
      let saved = "\(run)/\(checkpoint)/model.safetensors"
      #expect(try predict("--model", saved, "--data", data) == predict("--model", model, "--data", data))
      let optimizer = try ToolRunner.run(
        "predict", "--model", "\(run)/\(checkpoint)/optimizer.safetensors", "--data", data)
      #expect(optimizer.status != 0 && optimizer.errors.contains("is not a model of adafactor train"))
    }
  }

  @Test func `A description with parts that do not match is an error, and allocates nothing`() throws {
    try ToolRunner.withFolder { folder in
      let (model, _) = try trained(in: folder)
      var file = try TensorCollection(path: model)
      let description = try #require(file.metadata["classifier"])
      let (widths, columns) = ("\"widths\":[3,16,3]", "\"feature_columns\":[2,3,4]")
      let (unfit, outOfRange) = ("do not match", "is out of range")
      let changes = [
        (widths, "\"widths\":[3,9223372036854775807,3]", "does not hold the tensor \"layer1.weight\""),
        (widths, "\"widths\":[3]", unfit), (widths, "\"widths\":[]", unfit),
        (widths, "\"widths\":[3,-16,3]", unfit), (widths, "\"widths\":[3,0,3]", unfit),
        (widths, "\"widths\":[4,16,3]", unfit), (widths, "\"widths\":[3,16,4]", unfit),
        (columns, "\"feature_columns\":[2,3,9]", outOfRange),
        (columns, "\"feature_columns\":[-9223372036854775808,3,4]", outOfRange),
        (columns, "\"feature_columns\":[2,3]", unfit),
        ("\"columns\":5", "\"columns\":-9223372036854775808", outOfRange),
        ("\"relu\"", "\"tanh\"", unfit), ("\"mean\":[", "\"mean\":[1,", unfit),
        ("\"scale\":[", "\"scale\":[1,", unfit),
        ("7],\"scale\"", "\"NaN\"],\"scale\"", "cannot be used"), ("}", "", "cannot be used"),
      ]
      let path = folder.appendingPathComponent("changed").path
      for (old, new, problem) in changes {
        try #require(description.contains(old))
        file.metadata["classifier"] = description.replacingOccurrences(of: old, with: new)
        try file.write(to: path)
        let error = #expect(throws: ToolFileError.self, "\(new)") { try Classifier(path: path) }
        #expect(error?.problem.contains(problem) == true, "\(new): \(String(describing: error))")
      }
    }
  }

  /// Returns the lines of Python that the article shows.
  private static func program() throws -> String {
    let article = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Sources/adafactor/adafactor.docc/PredictCommand.md")
    let parts = try String(contentsOf: article, encoding: .utf8).components(separatedBy: "```")
    return try String(#require(parts.first { $0.hasPrefix("python\n") }).dropFirst("python\n".count))
  }

  @Test(
    .enabled(if: python != nil, "No python3 with numpy and safetensors; SAFETENSORS_PYTHON may name one."))
  func `The article's lines of Python compute the same probabilities`() throws {
    try ToolRunner.withFolder { folder in
      let (model, data) = try trained(in: folder)
      let expected = try predict("--model", model, "--data", data)
      // Only the features, as numpy reads them.
      let table = folder.appendingPathComponent("new.csv").path
      let fields = Self.rows.map { $0.split(separator: ",").map(String.init) }
      try (["x,the y,constant"] + fields.map { "\($0[1]),\($0[2]),\($0[3])" }).joined(separator: "\n")
        .write(toFile: table, atomically: true, encoding: .utf8)
      let program = try Self.program().replacingOccurrences(of: "iris.safetensors", with: model)
        .replacingOccurrences(of: "new.csv", with: table)
      let output = try #require(python).run(
        "-c", program + "\nprint(json.dumps([[model['classes'][i] for i in p.argmax(axis=1)], p.tolist()]))")
      struct Output: Decodable {
        let classes: [String]
        let probabilities: [[Double]]
        init(from decoder: any Decoder) throws {
          var container = try decoder.unkeyedContainer()
          classes = try container.decode([String].self)
          probabilities = try container.decode([[Double]].self)
        }
      }
      let result = try JSONDecoder().decode(Output.self, from: Data(output.utf8))
      #expect(result.classes == expected.dropFirst().map { $0[1] })
      for (row, record) in zip(result.probabilities, expected.dropFirst()) {
        for (value, text) in zip(row, record[2...]) { #expect(abs(value - Double(text)!) < 1e-5) }
      }
    }
  }
}
