import ArgumentParser
import Optimizers
import Schedules
import Tensors

/// `adafactor train`: trains a classifier and tests it on samples that were held out.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains a classifier with one of the optimizers and tests it on held-out samples.",
    discussion: """
      Without --data, it learns the handwritten digits that come with this program. Progress goes to \
      standard error, and the result goes to standard output. The same seed and settings give the same \
      result on the same number of OpenBLAS threads, which OPENBLAS_NUM_THREADS sets. With --backend swift, \
      the number of threads does not matter.

      Examples:
        adafactor train
        adafactor train --data iris.csv --label species --model iris.safetensors
        adafactor train --lr 1e-3 --schedule cosine --plot loss.svg
        adafactor train --optimizer adamw --dtype bfloat16 --clip-norm 1
        adafactor train --checkpoint-directory run --checkpoint-every 100 --resume
        adafactor train --compare adamw,adafactor,sgd:lr=0.1 --plot compare.svg
        adafactor train --dtype bfloat16 --compare adamw,adamw:rounding=stochastic
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
      Trains with each of these optimizers on the same data and seed, and reports the results together. \
      Settings follow the optimizer's name and are its options without dashes: \
      adamw,adafactor:lr=1e-3:no-scale-parameter.
      """, valueName: "optimizer,…"))
  var compare: ComparedOptimizers?

  func validate() throws {
    guard compare != nil else {
      return try optimizer.check(scalarType: training.dtype, hasSchedule: schedule.name != nil)
    }
    if let name = optimizer.given.first ?? (optimizer.optimizer == .adafactor ? nil : "--optimizer") {
      throw ValidationError(
        "\(name) cannot be combined with --compare: write settings after each optimizer, such as "
          + "adafactor:lr=1e-3.")
    }
    if checkpoints.directory != nil {
      throw ValidationError("--compare saves no checkpoints: remove --checkpoint-directory.")
    }
    if output.model != nil {
      throw ValidationError("--compare trains several models: remove --model.")
    }
  }

  func run() throws {
    // Checked before the long work.
    try output.check(data: data.data)
    let dataset = try Dataset(data.table())
    if let compare {
      let choices = try compare.choices(
        scalarType: training.dtype, hasSchedule: schedule.name != nil, seed: training.seed)
      let runs = try choices.map { label, choice in
        do {
          return Comparison.Run(name: label, result: try train(dataset, choice, label: label).result)
        } catch {
          throw ComparisonError(name: label, cause: error)
        }
      }
      return try output.write(Comparison(runs: runs))
    }
    do {
      let (result, classifier) = try train(dataset, optimizer.choice(seed: training.seed))
      try output.write(result, classifier)
    } catch let interruption as TrainingInterrupted {
      Terminal.warn(interruption.description)
      throw ExitCode(interruption.status)
    }
  }

  private func train(
    _ dataset: Dataset, _ optimizer: OptimizerChoice, label: String? = nil
  ) throws -> (result: TrainingResult, classifier: Classifier) {
    var run = try TrainingRun(dataset, settings: settings(optimizer))
    var display = ProgressDisplay(isQuiet: output.quiet, label: label)
    defer { display.finish() }
    let result: TrainingResult
    if let plan = checkpoints.plan {
      try run.resume(plan, warn: Terminal.warn)
      result = try Interruption.withHandling { interruption in
        try run.run(
          saving: plan, signal: { interruption.signalNumber }, report: { display.show($0) })
      }
    } else {
      result = try run.run(report: { display.show($0) })
    }
    return (result, Classifier(run.model, run.description))
  }

  private func settings(_ optimizer: OptimizerChoice) throws -> TrainingSettings {
    if optimizer.kind == .muon, training.hidden.widths.isEmpty {
      throw ValidationError(
        "muon steps hidden matrices, but with --hidden 0 there are none: choose another optimizer.")
    }
    return TrainingSettings(
      epochs: training.epochs, batchSize: training.batchSize, microBatches: training.accumulate,
      hidden: training.hidden.widths, testFraction: data.testFraction, seed: training.seed,
      scalarType: training.dtype, optimizer: optimizer, clipNorm: training.clipNorm,
      schedule: try schedule.choice(), threads: training.threads, backend: training.backend)
  }
}
