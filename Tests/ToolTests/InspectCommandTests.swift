import Checkpoints
import Foundation
import Optimizers
import Safetensors
import Tensors
import TestSupport
import Testing

/// The output of `--format json` for a file.
private struct Inspection: Decodable {
  let path: String
  let bytes: Int
  let metadata: [String: String]
  let tensors: [Tensor]
  let optimizer: Optimizer?

  struct Tensor: Decodable {
    let name: String
    let type: String
    let shape: [Int]
    let bytes: Int
    let norm: Double?
    let min: Double?
    let max: Double?
    let non_finite_share: Double?
  }

  struct Optimizer: Decodable, Equatable {
    let kind: String?
    let least_steps: Int
    let most_steps: Int
    let parameters: Int
    let elements: Int
    let bytes: Int
    let adamw_bytes: Int
  }

  subscript(_ name: String) -> Tensor { tensors.first { $0.name == name }! }
}

@Suite("adafactor inspect") struct InspectCommandTests {
  private func json(_ paths: String...) throws -> [Inspection] {
    let result = try ToolRunner.run(["inspect", "--format", "json"] + paths)
    try #require(result.status == 0, "\(result.errors)")
    return try JSONDecoder().decode([Inspection].self, from: Data(result.output.utf8))
  }

  @Test func `The norm is right over the whole range of Float64`() throws {
    try ToolRunner.withFolder { folder in
      let path = folder.appendingPathComponent("file").path
      let tensors: [String: [Double]] = [
        "large": [3e200, -4e200], "small": [3e-200, 4e-200], "mixed": [3e200, 1, 4e200, 1e-200],
        "subnormal": [.leastNonzeroMagnitude], "edges": [0x1p500, 0x1p-450], "least": [0x1p-451, 1],
        "zero": [0, -0.0],
        "beyond": [.greatestFiniteMagnitude, .greatestFiniteMagnitude],
      ]
      try TensorCollection(
        tensors.mapValues { Tensor($0, shape: [$0.count], as: .float64) }
      ).write(to: path)
      let inspection = try ToolRunner.run("inspect", path)
      let norms = Dictionary(
        uniqueKeysWithValues: inspection.lines.dropFirst(2).map { line in
          let cells = line.split(separator: " ").map(String.init)
          // Shapes here have one axis, so that columns are: name, type, shape, bytes, norm.
          return (cells[0], cells[4])
        })
      #expect(
        norms == [
          "large": "5e+200", "small": "5e-200", "mixed": "5e+200", "subnormal": "4.94066e-324",
          "edges": "3.27339e+150", "least": "1", "zero": "0", "beyond": "inf",
        ])
    }
  }

  @Test func `The error for a file in another format says what is wrong`() throws {
    try ToolRunner.withFolder { folder in
      for (text, message) in [
        (#"{"optimizer": 1}"#, #"not a safetensors file: it begins with the text "{\"optimi""#),
        ("a,b\n1,2\n", "not a safetensors file: it begins with the text \"a,b\\n1,2\\n\""),
        ("short", "not a safetensors file: it has 5 bytes"),
      ] {
        let path = folder.appendingPathComponent("file").path
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        let result = try ToolRunner.run("inspect", path)
        #expect(result.status == 1)
        #expect(result.errors.contains(message), "\(result.errors)")
      }
      let result = try ToolRunner.run("inspect", folder.path)
      #expect(
        result.errors == "Error: \(folder.path): is a directory, a pipe or a device; use a regular file\n")
    }
  }

  @Test func `A state with empty moments that have long axes causes no overflow`() throws {
    try ToolRunner.withFolder { folder in
      let path = folder.appendingPathComponent("state").path
      var writer = try SafetensorsWriter(
        path: path,
        tensors: [
          .init("w.step", .int64, shape: []), .init("w.exp_avg_sq_row", .float32, shape: [16]),
          .init("w.exp_avg_sq_col", .float32, shape: [0, 1 << 57]),
        ])
      try writer.append([UInt8](repeating: 0, count: 8).span.bytes, to: "w.step")
      try writer.append([UInt8](repeating: 0, count: 64).span.bytes, to: "w.exp_avg_sq_row")
      try writer.commit()
      #expect(try json(path)[0].optimizer == nil)
    }
  }

  @Test func `Norm, extremes and the share of non-finite numbers match the elements`() throws {
    try ToolRunner.withFolder { folder in
      let path = folder.appendingPathComponent("file").path
      var generator = SeededGenerator(seed: 9)
      // More than one piece of a megabyte.
      let long = Tensor(normal: [700, 500], using: &generator)
      try TensorCollection(
        [
          "long": long, "some": Tensor([3, .nan, -4, .infinity]), "none": Tensor([.nan, -.infinity]),
          "empty": Tensor(zeros: [0, 4]),
        ], integers: ["count": -7], metadata: ["k": "v"]
      ).write(to: path)
      let inspection = try #require(json(path).first)
      #expect(inspection.path == path)
      #expect(inspection.bytes == (try Data(contentsOf: URL(filePath: path)).count))
      #expect(inspection.metadata == ["k": "v"])
      #expect(inspection.optimizer == nil)

      let values = long.scalars(as: Double.self)
      #expect(inspection["long"].shape == [700, 500])
      #expect(inspection["long"].type == "F32")
      #expect(inspection["long"].bytes == 1_400_000)
      #expect(inspection["long"].min == values.min())
      #expect(inspection["long"].max == values.max())
      #expect(inspection["long"].non_finite_share == 0)
      let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(abs(try #require(inspection["long"].norm) - norm) <= 1e-12 * norm)

      #expect(inspection["some"].norm == 5)
      #expect(inspection["some"].min == -4)
      #expect(inspection["some"].max == 3)
      #expect(inspection["some"].non_finite_share == 0.5)
      #expect(inspection["none"].norm == nil)
      #expect(inspection["none"].non_finite_share == 1)
      #expect(inspection["empty"].min == nil)
      #expect(inspection["empty"].non_finite_share == 0)
      #expect(inspection["count"].min == -7)
    }
  }

  @Test func `Every type of the format is listed, with statistics if it is a number`() throws {
    try ToolRunner.withFolder { folder in
      let path = folder.appendingPathComponent("types").path
      var writer = try SafetensorsWriter(
        path: path, tensors: SafetensorsScalarType.allCases.map { .init($0.rawValue, $0, shape: [8]) })
      for tensor in writer.tensors {
        let zeros = [UInt8](repeating: 0, count: tensor.byteRange.count)
        try writer.append(zeros.span.bytes, to: tensor.name)
      }
      try writer.commit()
      let inspection = try #require(json(path).first)
      let withoutValues = Set(inspection.tensors.filter { $0.norm == nil }.map(\.type))
      #expect(
        withoutValues == [
          "F4", "F6_E2M3", "F6_E3M2", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "C64",
        ])
      #expect(inspection.tensors.allSatisfy { $0.norm == nil || $0.norm == 0 && $0.max == 0 })
    }
  }

  @Test func `The state of an optimizer is compared with AdamW's`() throws {
    try ToolRunner.withFolder { folder in
      let path = folder.appendingPathComponent("state").path
      let parameters = [
        Parameter("w", Tensor(ones: [2, 30, 40])), Parameter("b", Tensor(ones: [7])),
        Parameter("d", Tensor(ones: [3, 5], as: .float64)), Parameter("never", Tensor(ones: [100])),
      ]
      let optimizer = try Adafactor(parameters)
      for step in 1...3 {
        for parameter in parameters.dropLast() {
          parameter.gradient =
            step == 2 && parameter.name == "b"
            ? nil : Tensor(ones: parameter.value.shape, as: parameter.value.scalarType)
        }
        try optimizer.step()
      }
      try optimizer.saveState(to: path)
      let found = try #require(json(path).first?.optimizer)
      let moments = 4 * (2 * 30 + 2 * 40 + 7) + 8 * (3 + 5)
      #expect(found.kind == "adafactor")
      #expect(found.least_steps == 2)
      #expect(found.most_steps == 3)
      #expect(found.parameters == 3)
      #expect(found.elements == 2400 + 7 + 15)
      // The step and the root mean square of each parameter take eight bytes each.
      #expect(found.bytes == moments + 3 * 16)
      #expect(found.adamw_bytes == 2 * (4 * (2400 + 7) + 8 * 15))
      let table = try ToolRunner.run("inspect", path)
      #expect(
        table.lines.last
          == "optimizer state of adafactor after steps 2 to 3: \(found.bytes) bytes for 2422 elements of "
          + "3 parameters; AdamW's would take \(found.adamw_bytes), "
          + String(format: "%.1f", Double(found.adamw_bytes) / Double(found.bytes)) + " times as much")
    }
  }

  @Test func `The table has one line per tensor`() throws {
    try ToolRunner.withFolder { folder in
      let paths = ["a", "b"].map { folder.appendingPathComponent($0).path }
      try TensorCollection(["x": Tensor([3, 4]), "long.name\u{1B}[2J": Tensor([[.nan]])]).write(to: paths[0])
      try TensorCollection([:], metadata: ["note": "nothing"]).write(to: paths[1])
      let result = try ToolRunner.run(["inspect"] + paths)
      #expect(result.status == 0)
      let size = try Data(contentsOf: URL(filePath: paths[0])).count
      let emptySize = try Data(contentsOf: URL(filePath: paths[1])).count
      #expect(
        result.lines == [
          "\(paths[0]): 2 tensors, \(size) bytes",
          #"name                type  shape   bytes  norm  min  max  non-finite"#,
          #"long.name\u{1B}[2J  F32   [1, 1]      4     –    –    –       100 %"#,
          #"x                   F32   [2]         8     5    3    4         0 %"#,
          "",
          "\(paths[1]): 0 tensors, \(emptySize) bytes",
          "  note: nothing",
        ])
    }
  }

  @Test func `A file that cannot be read is an error that names the file, and nothing is reported`() throws {
    try ToolRunner.withFolder { folder in
      let good = folder.appendingPathComponent("good").path
      try TensorCollection(["x": Tensor([3, 4])]).write(to: good)
      let bad = folder.appendingPathComponent("bad").path
      try Data("{}".utf8).write(to: URL(filePath: bad))
      let result = try ToolRunner.run("inspect", good, bad)
      #expect(result.status != 0)
      #expect(result.output == "")
      #expect(result.errors.contains("\(bad): not a safetensors file: it has 2 bytes"))
    }
  }
}
