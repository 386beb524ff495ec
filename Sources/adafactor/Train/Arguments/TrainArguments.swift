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

  @Option(
    name: .customLong("ignore"),
    help: ArgumentHelp(
      "Leaves out a column, by its name or its number; may be given several times.", valueName: "column"))
  var ignored: [String] = []

  @OptionGroup var format: TableFormatArguments

  @Option(help: ArgumentHelp("The part of the samples that is held out to test on.", valueName: "part"))
  var testFraction = TrainingSettings().testFraction

  func validate() throws {
    guard testFraction > 0, testFraction < 1 else {
      throw ValidationError("--test-fraction is \(testFraction), but must lie between 0 and 1.")
    }
    let ofTables = (label == nil ? [] : ["--label"]) + (ignored.isEmpty ? [] : ["--ignore"]) + format.given
    if data == nil, let name = ofTables.first {
      throw ValidationError("\(name) belongs to a table of your own: name it by --data.")
    }
  }

  /// The given table, or that of the digits that is built with the program.
  func table() throws -> Table {
    if let data {
      return try Table(path: data, format: format.format(.labeled(by: label, ignoring: ignored)))
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

struct TrainingArguments: ParsableArguments {
  @Option(help: "The number of times that every sample is seen.")
  var epochs = TrainingSettings().epochs

  @Option(
    help: """
      Samples of a step, or with --accumulate of a micro-batch; at most all that are trained on.
      """)
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

  @Option(
    help: ArgumentHelp(
      "The widths of the hidden layers; 0 for none. (default: \(LayerWidths(widths: TrainingSettings().hidden)))",
      valueName: "n,n,…"),
    transform: LayerWidths.init)
  var hidden = LayerWidths(widths: TrainingSettings().hidden)

  @Option(help: "The seed of the split, the weights, the order of samples and stochastic rounding.")
  var seed = TrainingSettings().seed

  @Option(
    help: """
      The optimizer's maximum number of threads; there are never more than cores. (default: one per core) \
      OPENBLAS_NUM_THREADS sets those of matrix products.
      """)
  var threads: Int?

  @Option(help: "The backend: \(Backend.names).")
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
  /// The names of the backends in this build.
  static var names: String { available.map(\.rawValue).joined(separator: " or ") }

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
struct LayerWidths: CustomStringConvertible {
  let widths: [Int]

  init(widths: [Int]) { self.widths = widths }

  init(_ argument: String) throws {
    let parts = argument == "0" ? [] : argument.split(separator: ",", omittingEmptySubsequences: false)
    widths = parts.compactMap { Int($0) }.filter { $0 > 0 }
    guard widths.count == parts.count else {
      throw ValidationError(
        "Widths are whole numbers of 1 or more, such as 128,64, or 0 for no hidden layer.")
    }
  }

  var description: String { widths.isEmpty ? "0" : widths.map(String.init).joined(separator: ",") }
}
