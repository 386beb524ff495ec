import ArgumentParser
import Checkpoints
import Foundation
import Safetensors

/// `adafactor inspect`: what safetensors files hold.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows the tensors of safetensors files, and what an optimizer's state costs.",
    discussion: """
      For each tensor: its type, shape and bytes; the norm, the least and the greatest of its finite elements; and \
      the share of those that are NaN or infinite. Types of 8 bits and less that are not integers, and complex \
      numbers, are listed without values. Tensors of any size are read in pieces.

      For the state of an optimizer: its step, and its memory beside what AdamW would take.

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
    // All headers first: a file that cannot be read is known before others are reported at length.
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
