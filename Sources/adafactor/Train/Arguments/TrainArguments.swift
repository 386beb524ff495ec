import ArgumentParser
import Foundation
import Optimizers
import Schedules
import Tensors

struct DataArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The table: one sample per line, numbers and a label. (default: the digits)", valueName: "file.csv"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "The label column, by name or by number from 1. (default: the column named label, or the last one)",
      valueName: "column"))
  var label: String?

  @Option(
    name: .customLong("ignore"),
    help: ArgumentHelp(
      "Ignores a column, by name or by number from 1. Can be given several times.", valueName: "column"))
  var ignored: [String] = []

  @OptionGroup var format: TableFormatArguments

  @Option(help: ArgumentHelp("The fraction of the samples that is held out for testing.", valueName: "part"))
  var testFraction = TrainingSettings().testFraction

  func validate() throws {
    guard testFraction > 0, testFraction < 1 else {
      throw ValidationError("--test-fraction is \(testFraction), but must lie between 0 and 1.")
    }
    let ofTables = (label == nil ? [] : ["--label"]) + (ignored.isEmpty ? [] : ["--ignore"]) + format.given
    if data == nil, let name = ofTables.first {
      throw ValidationError("\(name) belongs to your own table: give it with --data.")
    }
  }

  /// Returns the given table, or the table of digits that is built with the program.
  func table() throws -> Table {
    if let data {
      return try Table(path: data, format: format.format(.labeled(by: label, ignoring: ignored)))
    }
    // `Bundle.module` would end the program if the resources are missing.
    let digits = Bundle.main.bundleURL.appendingPathComponent(
      "swift-adafactor_adafactor.resources/Resources/digits.csv")
    guard FileManager.default.fileExists(atPath: digits.path) else {
      throw ToolFileError(
        path: digits.path,
        problem: "the table of digits must be here, next to the program; restore it, or give your own table "
          + "with --data")
    }
    return try Table(path: digits.path)
  }
}

struct TrainingArguments: ParsableArguments {
  @Option(help: "The number of epochs.")
  var epochs = TrainingSettings().epochs

  @Option(
    help: """
      The number of samples per step or, with --accumulate, per micro-batch; at most all training samples.
      """)
  var batchSize = TrainingSettings().batchSize

  @Option(
    help: ArgumentHelp(
      """
      The number of micro-batches per step. Their gradients are averaged over all samples; the last step of \
      an epoch may have fewer micro-batches.
      """, valueName: "micro-batches"))
  var accumulate = TrainingSettings().microBatches

  @Option(
    help: ArgumentHelp(
      "The maximum norm of all gradients together; larger gradients are scaled down. (default: no clipping)",
      valueName: "norm"))
  var clipNorm: Double?

  @Option(
    help: """
      The type of parameters and samples. The optimizer computes 16-bit types in float32. With \
      float16, the loss is scaled so that small gradients do not vanish.
      """)
  var dtype = TrainingSettings().scalarType

  @Option(
    help: ArgumentHelp(
      "The widths of the hidden layers; 0 for none. (default: "
        + "\(LayerWidths(widths: TrainingSettings().hidden)))",
      valueName: "n,n,…"),
    transform: LayerWidths.init)
  var hidden = LayerWidths(widths: TrainingSettings().hidden)

  @Option(help: "The seed of the split, the weights, the order of samples and stochastic rounding.")
  var seed = TrainingSettings().seed

  @Option(
    help: """
      The maximum number of threads of the optimizer, at most one per core. (default: one per core) \
      OPENBLAS_NUM_THREADS sets the number of threads of matrix products.
      """)
  var threads: Int?

  @Option(
    help: """
      The backend: \(Backend.names). (default: \(Backend.default.rawValue) for the model and \
      \(Backend.defaultForOptimizers.rawValue) for the optimizer, or \(Backend.default.rawValue) for \
      \(OptimizerKind.multiplyingMatrices.map(\.rawValue).joined(separator: ", ")))
      """)
  var backend: Backend?

  func validate() throws {
    try requirePositive([
      "--epochs": epochs, "--batch-size": batchSize, "--accumulate": accumulate, "--threads": threads,
    ])
    // Their product is the number of samples per step.
    guard !batchSize.multipliedReportingOverflow(by: accumulate).overflow else {
      throw ValidationError("--batch-size \(batchSize) times --accumulate \(accumulate) is too large.")
    }
    if let clipNorm, !(clipNorm > 0 && clipNorm.isFinite) {
      throw ValidationError("--clip-norm is \(clipNorm), but must be greater than 0.")
    }
    try backend?.requireAvailable()
  }
}

extension ScalarType: ExpressibleByArgument {}

extension Backend: ExpressibleByArgument {
  /// The names of the backends in this build.
  static var names: String { available.map(\.rawValue).joined(separator: " or ") }

  func requireAvailable() throws {
    guard Self.available.contains(self) else {
      throw ValidationError("The backend \(rawValue) is not in this build: build with the trait OpenBLAS.")
    }
  }
}

/// Throws if a count is below 1. The error uses the name of the count's option.
func requirePositive(_ counts: KeyValuePairs<String, Int?>) throws {
  for case (let name, let count?) in counts where count < 1 {
    throw ValidationError("\(name) is \(count), but must be at least 1.")
  }
}

/// The widths of layers, such as 128,64.
struct LayerWidths: CustomStringConvertible {
  let widths: [Int]

  init(widths: [Int]) { self.widths = widths }

  init(_ argument: String) throws {
    let parts = argument == "0" ? [] : argument.split(separator: ",", omittingEmptySubsequences: false)
    widths = parts.compactMap { Int($0) }.filter { $0 > 0 }
    guard widths.count == parts.count else {
      throw ValidationError(
        "Widths are whole numbers from 1, such as 128,64, or 0 for no hidden layer.")
    }
  }

  var description: String { widths.isEmpty ? "0" : widths.map(String.init).joined(separator: ",") }
}
