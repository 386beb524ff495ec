import ArgumentParser
import Foundation
import Optimizers
import Schedules
import Tensors

/// `adafactor train`: trains a classifier and tests it on samples that it has not seen.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains a classifier with Adafactor or AdamW and tests it on held-out samples.",
    discussion: """
      Without --data it learns the handwritten digits that come with this program. Progress goes to standard error, \
      the result to standard output. The same seed and settings give the same result.

      Examples:
        adafactor train
        adafactor train --data iris.csv --label species --epochs 100
        adafactor train --lr 1e-3 --no-scale-parameter --schedule cosine --warmup-steps 0.1 --plot loss.svg
        adafactor train --optimizer adamw --dtype bfloat16 --accumulate 4 --clip-norm 1
        adafactor train --checkpoint-directory run --checkpoint-every 100 --resume
        adafactor train --compare adamw,adafactor,adafactor:lr=1e-3:no-scale-parameter --plot compare.svg
        adafactor train --dtype bfloat16 --compare adamw:rounding=nearest,adamw:rounding=stochastic
      """)

  @OptionGroup(title: "Data") var data: DataArguments
  @OptionGroup(title: "Training") var training: TrainingArguments
  @OptionGroup(title: "Optimizer") var optimizer: OptimizerArguments
  @OptionGroup(title: "Schedule") var schedule: ScheduleArgumentsOfTraining
  @OptionGroup(title: "Checkpoints") var checkpoints: CheckpointArguments
  @OptionGroup(title: "Output") var output: TrainingOutputArguments

  @Option(
    help: ArgumentHelp(
      """
      Trains with each of these on the same data and seed, and reports them together. Settings follow an \
      optimizer's name, as its options here without dashes: adamw,adafactor:lr=1e-3:no-scale-parameter.
      """, valueName: "optimizer,…"))
  var compare: ComparedOptimizers?

  func validate() throws {
    guard compare == nil else {
      if let name = optimizer.given.first ?? (optimizer.optimizer == .adafactor ? nil : "--optimizer") {
        throw ValidationError(
          "\(name) cannot stand beside --compare: write settings behind each optimizer, as adafactor:lr=1e-3."
        )
      }
      if checkpoints.directory != nil {
        throw ValidationError("--compare saves no checkpoints: leave out --checkpoint-directory.")
      }
      return
    }
    try optimizer.check(scalarType: training.dtype, hasSchedule: schedule.name != nil)
  }

  func run() throws {
    let table = try data.table()
    let dataset = try Dataset(table)
    if let compare {
      let choices = try compare.choices(
        scalarType: training.dtype, hasSchedule: schedule.name != nil, seed: training.seed)
      let comparison = try comparison(choices, dataset, table.path)
      try write(
        table: comparison.table, json: comparison.json, chart: comparison.lossChart)
      return
    }
    let result: TrainingResult
    do {
      result = try train(dataset, path: table.path, optimizer.choice(seed: training.seed))
    } catch let interruption as TrainingInterrupted {
      Self.warn(interruption.description)
      throw ExitCode(CheckpointArguments.interruptedStatus)
    }
    try write(table: result.table, json: result.json, chart: result.lossChart)
  }

  private func write(table: String, json: () throws -> String, chart: LineChart) throws {
    print(output.json ? try json() : table, terminator: "")
    if let plot = output.plot { try WholeFile.write(chart.svg(), to: plot) }
  }

  /// Trains with one optimizer after the other.
  private func comparison(
    _ choices: [(label: String, choice: OptimizerChoice)], _ dataset: Dataset, _ path: String
  ) throws -> Comparison {
    var comparison = Comparison()
    for (label, choice) in choices {
      do {
        let result = try train(dataset, path: path, choice, label: label)
        comparison.runs.append(Comparison.Run(name: label, result: result))
      } catch {
        throw ComparisonError(name: label, cause: error)
      }
    }
    return comparison
  }

  private func train(
    _ dataset: Dataset, path: String, _ optimizer: OptimizerChoice, label: String? = nil
  ) throws -> TrainingResult {
    var run = try TrainingRun(dataset, path: path, settings: settings(optimizer))
    var display = ProgressDisplay(isQuiet: output.quiet, label: label)
    defer { display.finish() }
    guard let plan = checkpoints.plan else { return try run.run(report: { display.show($0) }) }
    try run.resume(plan, warn: Self.warn)
    return try Interruption.withHandling { interruption in
      try run.run(
        saving: plan, isInterrupted: { interruption.isRequested }, report: { display.show($0) })
    }
  }

  private static func warn(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }

  private func settings(_ optimizer: OptimizerChoice) throws -> TrainingSettings {
    var settings = TrainingSettings()
    settings.epochs = training.epochs
    settings.batchSize = training.batchSize
    settings.microBatches = training.accumulate
    settings.clipNorm = training.clipNorm
    settings.scalarType = training.dtype
    settings.hidden = training.hidden.widths
    settings.seed = training.seed
    settings.threads = training.threads
    settings.backend = training.backend
    settings.testFraction = data.testFraction
    settings.optimizer = optimizer
    settings.schedule = try schedule.choice()
    return settings
  }
}
