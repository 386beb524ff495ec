import ArgumentParser

struct TrainingOutputArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("Draws the loss of every epoch, with one curve per optimizer.", valueName: "file.svg"))
  var plot: String?

  @Option(
    help: ArgumentHelp("Writes the trained model, for `adafactor predict`.", valueName: "file.safetensors"))
  var model: String?

  @Flag(help: "Prints the result as JSON.")
  var json = false

  @Flag(help: "Shows no progress.")
  var quiet = false

  private func plotFile(_ path: String) throws -> OutputFile {
    try OutputFile(path, option: "--plot", endings: ["svg"])
  }

  private func modelFile(_ path: String) throws -> OutputFile {
    try OutputFile(path, option: "--model", endings: ["safetensors"])
  }

  /// Checks before long work that the files can be written, and that they differ from each other and from the
  /// table.
  func check(data: String?) throws {
    if let plot {
      let file = try plotFile(plot)
      try file.requireOther(than: model, of: "--model")
      try file.requireOther(than: data, of: "--data")
    }
    if let model { try modelFile(model).requireOther(than: data, of: "--data") }
  }

  /// Writes the files and then the report. The report goes to standard error if a file is standard output.
  func write(_ report: some RunReport, _ classifier: Classifier? = nil) throws {
    var isTaken = false
    if let plot {
      let file = try plotFile(plot)
      try file.write(report.lossChart.svg())
      isTaken = file.isStandardOutput
    }
    if let model {
      let file = try modelFile(model)
      try classifier?.write(to: file.path)
      isTaken = isTaken || file.isStandardOutput
    }
    let text = json ? try ReportText.json(report) : report.table
    if isTaken { StandardStreams.report(text) } else { try StandardStreams.write(text) }
  }
}
