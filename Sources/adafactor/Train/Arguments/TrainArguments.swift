import ArgumentParser
import Foundation
import Optimizers
import Schedules
import Tensors

struct DataArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A table: one sample a line, numbers and a label. (default: digits)", valueName: "file.csv"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "The label's column by its name or its number from 1. (default: the one called label, or the last)",
      valueName: "column"))
  var label: String?

  @Flag(
    inversion: .prefixedNo,
    help: "Whether the first line holds the columns' names. (default: if none of its fields is a number)")
  var header: Bool?

  @Option(help: ArgumentHelp("The character between fields, or tab.", valueName: "character"))
  var delimiter = Delimiter(byte: UInt8(ascii: ","))

  @Option(help: ArgumentHelp("The part of the samples that is held out to test on.", valueName: "part"))
  var testFraction = TrainingSettings().testFraction

  func validate() throws {
    guard testFraction > 0, testFraction < 1 else {
      throw ValidationError("--test-fraction is \(testFraction), but must lie between 0 and 1.")
    }
  }

  /// The given table, or that of the digits that is built with the program.
  func table() throws -> Table {
    if let data {
      return try Table(path: data, format: .init(label: label, hasHeader: header, delimiter: delimiter.byte))
    }
    // Not through `Bundle.module`, which ends the program if the resources are missing.
    let digits = Bundle.main.bundleURL.appendingPathComponent(
      "swift-adafactor_adafactor.resources/Resources/digits.csv")
    guard FileManager.default.fileExists(atPath: digits.path) else {
      throw ToolFileError(
        path: digits.path,
        problem: "the digits belong here, beside the program; give a table of your own by --data")
    }
    return try Table(path: digits.path)
  }
}

/// One byte between fields.
struct Delimiter: ExpressibleByArgument, CustomStringConvertible {
  let byte: UInt8

  init(byte: UInt8) { self.byte = byte }

  init?(argument: String) {
    let bytes = argument == "tab" ? [UInt8(ascii: "\t")] : Array(argument.utf8)
    guard bytes.count == 1, !"\"\r\n .".utf8.contains(bytes[0]) else { return nil }
    byte = bytes[0]
  }

  var description: String { byte == UInt8(ascii: "\t") ? "tab" : String(UnicodeScalar(byte)) }
}

struct TrainingArguments: ParsableArguments {
  @Option(help: "How often every sample is seen.")
  var epochs = TrainingSettings().epochs

  @Option(help: "Samples of a step, or with --accumulate of a micro-batch.")
  var batchSize = TrainingSettings().batchSize

  @Option(
    help: ArgumentHelp(
      """
      Micro-batches of a step, whose gradients are averaged by their samples; the last step of an epoch \
      may have fewer.
      """, valueName: "micro-batches"))
  var accumulate = TrainingSettings().microBatches

  @Option(
    help: ArgumentHelp(
      "The norm of all gradients together above which they are scaled down. (default: any)",
      valueName: "norm"))
  var clipNorm: Double?

  @Option(
    help: """
      The type of parameters and samples. The optimizer computes 16-bit types in float32; with \
      float16 the loss is scaled, so that small gradients do not vanish.
      """)
  var dtype = TrainingSettings().scalarType

  @Option(help: ArgumentHelp("The widths of the hidden layers; 0 for none.", valueName: "n,n,…"))
  var hidden = LayerWidths(widths: TrainingSettings().hidden)

  @Option(help: "The seed of the split, the weights, the order of samples and stochastic rounding.")
  var seed = TrainingSettings().seed

  @Option(
    help: """
      The optimizer's maximum number of threads. (default: one per core) OPENBLAS_NUM_THREADS sets those of \
      matrix products.
      """)
  var threads: Int?

  @Option(help: Backend.help)
  var backend = Backend.available[0]

  func validate() throws {
    try requirePositive([
      "--epochs": epochs, "--batch-size": batchSize, "--accumulate": accumulate, "--threads": threads,
    ])
    // Both are multiplied.
    guard !batchSize.multipliedReportingOverflow(by: accumulate).overflow else {
      throw ValidationError("--batch-size \(batchSize) times --accumulate \(accumulate) is too large.")
    }
    if let clipNorm, !(clipNorm > 0 && clipNorm.isFinite) {
      throw ValidationError("--clip-norm is \(clipNorm), but must be above 0.")
    }
    try backend.requireAvailable()
  }
}

extension ScalarType: ExpressibleByArgument {}

extension Backend: ExpressibleByArgument {
  static var help: ArgumentHelp { "The backend: \(available.map(\.rawValue).joined(separator: " or "))." }

  func requireAvailable() throws {
    guard Self.available.contains(self) else {
      throw ValidationError("The backend \(rawValue) is not in this build: enable the trait OpenBLAS.")
    }
  }
}

/// Refuses counts below 1, by the names of their options.
func requirePositive(_ counts: KeyValuePairs<String, Int?>) throws {
  for case (let name, let count?) in counts where count < 1 {
    throw ValidationError("\(name) is \(count), but must be 1 or more.")
  }
}

/// The widths of layers, as 128,64.
struct LayerWidths: ExpressibleByArgument, CustomStringConvertible {
  let widths: [Int]

  init(widths: [Int]) { self.widths = widths }

  init?(argument: String) {
    let parts = argument == "0" ? [] : argument.split(separator: ",", omittingEmptySubsequences: false)
    widths = parts.compactMap { Int($0) }.filter { $0 > 0 }
    guard widths.count == parts.count else { return nil }
  }

  var description: String { widths.isEmpty ? "0" : widths.map(String.init).joined(separator: ",") }
}

struct TrainingOutputArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("Draws the loss of every epoch, a curve for each optimizer.", valueName: "file.svg"))
  var plot: String?

  @Flag(help: "Prints the result as JSON.")
  var json = false

  @Flag(help: "Shows no progress.")
  var quiet = false
}
