import ArgumentParser
import Checkpoints
import Foundation
import Safetensors

/// `adafactor inspect`: shows the contents of safetensors files.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows the tensors of safetensors files and the memory of optimizer states.",
    discussion: """
      For each tensor, shows its type, shape and size in bytes; the norm, minimum and maximum of its finite \
      elements; and the share of elements that are NaN or infinite. Types of 8 bits or less that are not \
      integers, and complex numbers, are listed without statistics. Large tensors are read in pieces.

      For an optimizer state, also shows its step and its size compared with AdamW's.

      Examples:
        adafactor inspect model.safetensors state.safetensors
        adafactor inspect run/checkpoint-000012-step-600/optimizer.safetensors --format json
      """)

  @Argument(help: ArgumentHelp("The files.", valueName: "file"))
  var files: [String]

  @Option(help: "table or json.")
  var format = Format.table

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case table, json
  }

  func run() throws {
    // Opens all headers first: a file that cannot be read fails before the others are reported at length.
    let opened = try files.map { try SafetensorsFile(path: $0) }
    let inspections = try opened.map { try FileInspection($0) }
    switch format {
    case .table: try StandardStreams.write(inspections.map(\.table).joined(separator: "\n"))
    case .json:
      let json = try JSONText.encode(inspections, indented: true)
      try StandardStreams.write(String(decoding: json, as: UTF8.self) + "\n")
    }
  }
}
