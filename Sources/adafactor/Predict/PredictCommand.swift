import ArgumentParser

/// `adafactor predict`: predicts the classes of a table's rows with a trained model.
struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Predicts the classes of a table's rows with a model from `adafactor train`.",
    usage: """
      adafactor predict --model <file.safetensors> --data <file.csv>
                        [<options>]
      """,
    discussion: """
      The model is a file from `train --model`, or the model.safetensors of a checkpoint. In a table with a \
      header, the features are found by name, in any order; other columns are ignored. A table without a \
      header must hold either only the features, in the order of the training, or all columns of the table \
      that the model was trained on.

      Writes comma-separated values: the line of each row, the most probable class, and the probability of each class.

      Example:
        adafactor train --data iris.csv --label species --model iris.safetensors
        adafactor predict --data new.csv --model iris.safetensors --output predictions.csv
      """)

  @Option(help: ArgumentHelp("The trained model.", valueName: "file.safetensors"))
  var model: String

  @Option(help: ArgumentHelp("The table, one sample per line.", valueName: "file.csv"))
  var data: String

  @OptionGroup var format: TableFormatArguments

  @Option(help: ArgumentHelp("The file to write instead of standard output.", valueName: "file.csv"))
  var output: String?

  func run() throws {
    let file: OutputFile? = if let output { try OutputFile(output, option: "--output") } else { nil }
    try file?.requireOther(than: model, of: "--model")
    try file?.requireOther(than: data, of: "--data")
    let classifier = try Classifier(path: model)
    let table = try Table(path: data, format: format.format(.features(of: classifier.description)))
    if table.droppedRows > 0 {
      Terminal.warn("\(table.droppedRows.counted("row")) of \(data) skipped because of a missing value.")
    }
    let text = try classifier.predictions(table)
    if output == nil { try StandardStreams.write(text) } else { try file?.write(text) }
  }
}
