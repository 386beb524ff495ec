import Checkpoints
import Foundation
import Safetensors

/// The report of `adafactor inspect` on a file. Its properties are the members of the JSON.
struct FileInspection: Encodable {
  let path: String
  let bytes: Int
  let metadata: [String: String]
  let tensors: [TensorInspection]
  /// The cost of the optimizer state in the file; `nil` for other files.
  let optimizer: StateInspection?

  /// A tensor, and the statistics of its numbers if it has any.
  struct TensorInspection {
    let tensor: SafetensorsTensor
    let statistics: TensorStatistics?
  }

  init(_ file: SafetensorsFile) throws {
    path = file.path
    bytes = file.byteCount
    metadata = file.metadata
    tensors = try file.tensors.map { tensor in
      TensorInspection(tensor: tensor, statistics: try .of(tensor, in: file))
    }
    optimizer = try StateInspection(file)
  }

  /// The file, one line per tensor, and the optimizer.
  var table: String {
    let count = tensors.count
    var text = "\(path): \(count) tensor\(count == 1 ? "" : "s"), \(bytes) bytes\n"
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      text += "  \(printable(key)): \(printable(value.count > 100 ? value.prefix(100) + "…" : value))\n"
    }
    let titles = ["name", "type", "shape", "bytes", "norm", "min", "max", "non-finite"]
    if !tensors.isEmpty { text += ReportText.columns([titles] + tensors.map(\.cells), leftAligned: 3) }
    if let optimizer { text += optimizer.text }
    return text
  }
}

extension FileInspection.TensorInspection {
  fileprivate var cells: [String] {
    let shape = "[" + tensor.shape.map(String.init).joined(separator: ", ") + "]"
    let start = [printable(tensor.name), tensor.scalarType.rawValue, shape, "\(tensor.byteRange.count)"]
    guard let statistics else { return start + ["–", "–", "–", "–"] }
    let share = statistics.nonFiniteShare
    let percent = share == 0 ? "0 %" : String(format: "%.3g %%", 100 * share)
    guard statistics.finiteCount > 0 else { return start + ["–", "–", "–", percent] }
    let numbers = [statistics.norm, statistics.minimum, statistics.maximum]
    return start + numbers.map { String(format: "%.6g", $0) } + [percent]
  }
}

extension StateInspection {
  fileprivate var text: String {
    let step =
      steps.count == 1 ? "step \(steps.lowerBound)" : "steps \(steps.lowerBound) to \(steps.upperBound)"
    let times =
      byteCount == 0 ? "" : String(format: ", %.1f times as much", Double(adamwByteCount) / Double(byteCount))
    return """
      optimizer state\(optimizer.map { " of \($0)" } ?? "") after \(step): \(byteCount) bytes for \
      \(elementCount) elements of \(parameterCount) parameters; AdamW's would take \(adamwByteCount)\(times)

      """
  }
}

/// Returns `text` with control characters escaped: names in a file must not move the cursor of a terminal.
private func printable(_ text: String) -> String {
  text.unicodeScalars.reduce(into: "") { result, scalar in
    let isControl = scalar.properties.generalCategory == .control
    result += isControl ? scalar.escaped(asASCII: true) : String(scalar)
  }
}

extension FileInspection.TensorInspection: Encodable {
  /// Encodes missing numbers as null: the statistics of types without numbers, and the extremes of no
  /// elements.
  func encode(to encoder: any Encoder) throws {
    let finite = statistics.flatMap { $0.finiteCount > 0 ? $0 : nil }
    let numbers = [
      "norm": finite?.norm, "min": finite?.minimum, "max": finite?.maximum,
      "non_finite_share": statistics?.nonFiniteShare,
    ]
    var members = numbers.mapValues { $0.map(JSONValue.number) ?? .null }
    members["name"] = .string(tensor.name)
    members["type"] = .string(tensor.scalarType.rawValue)
    members["shape"] = try JSONText.value(of: tensor.shape)
    members["bytes"] = .integer(Int64(tensor.byteRange.count))
    try members.encode(to: encoder)
  }
}

extension StateInspection: Encodable {
  func encode(to encoder: any Encoder) throws {
    let counts = [
      "least_steps": steps.lowerBound, "most_steps": steps.upperBound, "parameters": parameterCount,
      "elements": elementCount, "bytes": byteCount, "adamw_bytes": adamwByteCount,
    ]
    var members = counts.mapValues { JSONValue.integer(Int64($0)) }
    members["kind"] = optimizer.map(JSONValue.string) ?? .null
    try members.encode(to: encoder)
  }
}
