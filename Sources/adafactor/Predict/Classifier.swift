import Checkpoints
import Optimizers
import Tensors

/// A trained perceptron with the standardization of its features and the names of its classes.
struct Classifier {
  let model: Perceptron
  let description: ClassifierDescription

  init(_ model: Perceptron, _ description: ClassifierDescription) {
    self.model = model
    self.description = description
  }

  /// Creates the classifier that the safetensors file at `path` holds.
  init(path: String) throws {
    let file = try TensorCollection(path: path)
    description = try ClassifierDescription(metadata: file.metadata, path: path)
    model = try Perceptron(widths: description.widths, tensors: file.tensors, path: path)
  }

  /// Writes the classifier to a safetensors file.
  func write(to path: String) throws {
    let tensors = Dictionary(uniqueKeysWithValues: model.parameters.map { ($0.name, $0.value) })
    try TensorCollection(tensors, metadata: description.metadata).write(to: path)
  }

  /// Returns a line per row of the table: its line number, the most probable class, and all probabilities.
  func predictions(_ table: Table) throws -> String {
    var text = Self.record(["line", "prediction"] + description.classes)
    let width = description.features.count
    let type = model.layers[0].weight.value.scalarType
    let standardize = Standardization(mean: description.mean, scale: description.scale)
    for start in stride(from: 0, to: table.lines.count, by: Perceptron.maximumRows) {
      let lines = table.lines[start..<min(start + Perceptron.maximumRows, table.lines.count)]
      let features = Tensor(
        scalars: Array(table.features[start * width..<lines.endIndex * width]), shape: [lines.count, width])
      let logits = model.logits(standardize(features).converted(to: type)).converted(to: .float32)
      let probabilities = logits.logSoftmax().exp().scalars(as: Float.self)
      for (row, (line, best)) in zip(lines, logits.argMax(axis: -1)).enumerated() {
        let values = probabilities[row * description.classes.count..<(row + 1) * description.classes.count]
        guard values.allSatisfy(\.isFinite) else { throw TableError(table.path, line: line, .notPredictable) }
        text += Self.record(["\(line)", description.classes[best]] + values.map { "\($0)" })
      }
    }
    return text
  }

  /// Returns a line of comma-separated values.
  private static func record(_ fields: [String]) -> String {
    fields.map { field in
      field.contains { ",\"\r\n".contains($0) || $0 == "\r\n" } || field.first == " " || field.last == " "
        ? "\"\(field.replacing("\"", with: "\"\""))\"" : field
    }.joined(separator: ",") + "\n"
  }
}
