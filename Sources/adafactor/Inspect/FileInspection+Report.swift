import Foundation
import Safetensors

// MARK: For people

extension FileInspection {
  /// The file, one line a tensor, and the optimizer.
  var table: String {
    let count = tensors.count
    var text = "\(path): \(count) tensor\(count == 1 ? "" : "s"), \(byteCount) bytes\n"
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      text += "  \(printable(key)): \(printable(value.count > 100 ? value.prefix(100) + "…" : value))\n"
    }
    if !tensors.isEmpty { text += lines }
    if let optimizer { text += optimizer.text }
    return text
  }

  private var lines: String {
    let titles = ["name", "type", "shape", "bytes", "norm", "min", "max", "non-finite"]
    let rows = [titles] + tensors.map(\.cells)
    let widths = titles.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { cells in
      let padded = zip(cells.indices, zip(cells, widths)).map { column, cell in
        let space = String(repeating: " ", count: cell.1 - cell.0.count)
        // Names to the left, numbers to the right.
        return column < 3 ? cell.0 + space : space + cell.0
      }
      return padded.joined(separator: "  ") + "\n"
    }.joined()
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

/// `text` with control characters escaped: a file's names must not move the cursor of a terminal.
private func printable(_ text: String) -> String {
  text.unicodeScalars.reduce(into: "") { result, scalar in
    let isControl = scalar.properties.generalCategory == .control
    result += isControl ? scalar.escaped(asASCII: true) : String(scalar)
  }
}

// MARK: For programs

extension FileInspection: Encodable {
  private enum CodingKeys: String, CodingKey {
    case path, bytes, metadata, tensors, optimizer
  }

  func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encode(path, forKey: .path)
    try members.encode(byteCount, forKey: .bytes)
    try members.encode(metadata, forKey: .metadata)
    try members.encode(tensors, forKey: .tensors)
    try members.encodeIfPresent(optimizer, forKey: .optimizer)
  }
}

extension FileInspection.TensorInspection: Encodable {
  private enum CodingKeys: String, CodingKey {
    case name, type, shape, bytes, norm, min, max
    case nonFiniteShare = "non_finite_share"
  }

  /// What does not exist is null: values of other types, extremes of nothing.
  func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    let finite = statistics.flatMap { $0.finiteCount > 0 ? $0 : nil }
    try members.encode(tensor.name, forKey: .name)
    try members.encode(tensor.scalarType.rawValue, forKey: .type)
    try members.encode(tensor.shape, forKey: .shape)
    try members.encode(tensor.byteRange.count, forKey: .bytes)
    try members.encode(finite?.norm, forKey: .norm)
    try members.encode(finite?.minimum, forKey: .min)
    try members.encode(finite?.maximum, forKey: .max)
    try members.encode(statistics?.nonFiniteShare, forKey: .nonFiniteShare)
  }
}

extension StateInspection: Encodable {
  private enum CodingKeys: String, CodingKey {
    case kind, parameters, elements, bytes
    case leastSteps = "least_steps"
    case mostSteps = "most_steps"
    case adamwBytes = "adamw_bytes"
  }

  func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encode(optimizer, forKey: .kind)
    try members.encode(steps.lowerBound, forKey: .leastSteps)
    try members.encode(steps.upperBound, forKey: .mostSteps)
    try members.encode(parameterCount, forKey: .parameters)
    try members.encode(elementCount, forKey: .elements)
    try members.encode(byteCount, forKey: .bytes)
    try members.encode(adamwByteCount, forKey: .adamwBytes)
  }
}
