import ArgumentParser
import Optimizers
import Schedules
import Tensors

/// `adafactor train`: trains a classifier and tests it on samples that it has not seen.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains a classifier with Adafactor and tests it on held-out samples.",
    discussion: """
      Without --data it learns the handwritten digits that come with this program. Progress goes to standard error, \
      the result to standard output. The same seed and settings give the same result.

      Examples:
        adafactor train
        adafactor train --data iris.csv --label species --epochs 100
        adafactor train --lr 1e-3 --no-scale-parameter --schedule cosine --warmup-steps 0.1 --plot loss.svg
      """)

  @OptionGroup(title: "Data") var data: DataArguments
  @OptionGroup(title: "Training") var training: TrainingArguments
  @OptionGroup(title: "Optimizer") var optimizer: AdafactorArguments
  @OptionGroup(title: "Schedule") var schedule: ScheduleArgumentsOfTraining
  @OptionGroup(title: "Output") var output: TrainingOutputArguments

  func validate() throws {
    if schedule.name != nil, optimizer.learningRate == nil {
      throw ValidationError("--schedule \(schedule.name!) scales a learning rate: give one by --lr.")
    }
  }

  func run() throws {
    let table = try data.table()
    var run = try TrainingRun(Dataset(table), path: table.path, settings: settings())
    var display = ProgressDisplay(isQuiet: output.quiet)
    let result = try run.run { display.show($0) }
    display.finish()
    print(output.json ? try result.json() : result.table, terminator: "")
    if let plot = output.plot { try File.write(result.lossChart.svg(), to: plot) }
  }

  private func settings() throws -> TrainingSettings {
    var settings = TrainingSettings()
    settings.epochs = training.epochs
    settings.batchSize = training.batchSize
    settings.hidden = training.hidden.widths
    settings.seed = training.seed
    settings.threads = training.threads
    settings.kernels = training.kernels
    settings.testFraction = data.testFraction
    settings.optimizer = try optimizer.options()
    settings.schedule = try schedule.choice()
    return settings
  }
}
