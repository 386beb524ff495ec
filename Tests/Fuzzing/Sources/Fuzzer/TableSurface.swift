import Foundation

@testable import AdafactorTool

/// Tables for `adafactor train` and `adafactor predict`.
///
/// The first byte of an input chooses the command and its options.
final class TableSurface: Surface {
  private let place: Workplace

  init(_ place: Workplace) throws {
    self.place = place
    try place.write(sampleTable.utf8, "table.csv")
    let command = try TrainCommand.parse([
      "--data", place.path("table.csv"), "--epochs", "1", "--hidden", "3", "--quiet", "--threads", "1",
      "--model", place.path("model.safetensors"),
    ])
    try command.run()
  }

  var seeds: [[UInt8]] {
    let withoutHeader = sampleTable.split(separator: "\n").dropFirst().joined(separator: "\r\n")
    let missing = sampleTable.replacing("2.5,a", with: "?,\"a \"\"b\"\"\"")
    let separated = sampleTable.replacing(",", with: ";")
    return zip(
      [0, 1, 2, 3, 4, 8, 16, 32, 64],
      [
        sampleTable, sampleTable, withoutHeader, sampleTable, missing, separated, sampleTable, sampleTable,
        sampleTable,
      ]
    ).map { [UInt8($0)] + Array($1.utf8) }
  }

  let words = [
    "?", "NA", "\"", "\"\"", ",", ";", "\r", "label", "length", "width", "kind", "0x10", "1e", "+1",
  ]

  func check(_ input: [UInt8]) throws {
    guard let choice = input.first.map({ Int($0) }) else { return }
    try place.write(input.dropFirst(), "data.csv")
    var format: [String] = []
    switch choice % 4 {
    case 1: format += ["--header", "yes"]
    case 2: format += ["--header", "no"]
    default: break
    }
    if choice & 4 != 0 { format += ["--missing", "drop"] }
    if choice & 8 != 0 { format += ["--delimiter", ";"] }
    let data = ["--data", place.path("data.csv")] + format
    if choice & 16 != 0 {
      let command = try PredictCommand.parse(
        data + ["--model", place.path("model.safetensors"), "--output", place.path("predictions.csv")])
      return try command.run()
    }
    let type = ["float32", "float64", "bfloat16", "float16"][choice >> 5 & 3]
    let command = try TrainCommand.parse(
      data + [
        "--epochs", "2", "--hidden", "3", "--batch-size", "4", "--dtype", type, "--quiet", "--threads", "1",
        "--json",
        "--plot", place.path("loss.svg"),
      ])
    try command.run()
  }
}
