import ArgumentParser
import Foundation

@testable import AdafactorTool

/// Command lines of `adafactor`, one word per line, which are parsed and run on the surface's own files.
final class CommandSurface: Surface {
  private let files: StepFiles
  private var place: Workplace { files.place }

  init(_ place: Workplace) throws {
    files = try StepFiles(place)
    try files.step(config: "config0", state: nil)
    try place.write(sampleTable.utf8, "table.csv")
    try place.write("1\n0.5\n0.25\n".utf8, "metrics")
    let command = try TrainCommand.parse([
      "--data", place.path("table.csv"), "--epochs", "1", "--hidden", "3", "--quiet", "--threads", "1",
      "--model",
      place.path("model.safetensors"),
    ])
    try command.run()
  }

  var seeds: [[UInt8]] {
    [
      "train --data t --label kind --ignore width --epochs 2 --batch-size 4 --accumulate 2 --hidden 4,3 --seed 3",
      "train --data t --optimizer adamw --lr 0.01 --beta1 0.8 --beta2 0.99 --weight-decay 0.1 --amsgrad --dtype bfloat16",
      "train --data t --lr 0.1 --decay-rate -0.7 --clip-threshold 2 --no-scale-parameter --eps 1e-30,1e-3",
      "train --data t --rounding stochastic --dtype bfloat16 --clip-norm 1 --test-fraction 0.3 --threads 2",
      "train --data t --lr 0.1 --schedule cosine --warmup-steps 0.1 --schedule-option num_cycles=1 --json",
      "train --data t --compare adamw,adafactor:lr=0.1:no-scale-parameter --plot p.svg --quiet",
      "train --data t --checkpoint-directory d --checkpoint-every 1 --keep 2 --resume --header yes --delimiter ,",
      "predict --model m --data t --output o --missing drop",
      "schedule linear cosine --lr 1 --steps 20 --warmup-steps 5 --training-steps 30 --format json",
      "schedule greedy --lr 0.1 --steps 3 --metrics m --option patience=1 --logarithmic --format plot",
      "schedule --list",
      "step --config c --parameters p --gradients g --state s --out-parameters p --out-state s --non-finite skip-step",
      "inspect a b --format json",
      "help train", "train --help", "--version", "--generate-completion-script bash",
    ].map { Array($0.replacing(" ", with: "\n").utf8) }
  }

  let words = [
    "train", "predict", "schedule", "step", "inspect", "--", "-", "--threads", "--backend", "swift",
    "openblas", "--json", "--model", "--quiet", "adafactor", "adamw", "float64", "float16", "compensated",
    "tab",
  ]

  func message(_ error: any Error) -> String { AdafactorCommand.fullMessage(for: error) }

  func check(_ input: [UInt8]) throws {
    let command = try AdafactorCommand.parseAsRoot(AdafactorCommand.joiningNegativeValues(commandLine(input)))
    switch command {
    case let command as TrainCommand: try run(command)
    case let command as ScheduleCommand: try runSchedule(command, in: place)
    case var command as PredictCommand:
      command.model = place.path("model.safetensors")
      command.data = place.path("table.csv")
      command.output = place.path("predictions.csv")
      try command.run()
    case var command as StepCommand:
      command.config = place.path("config0")
      command.parameters = place.path("P")
      command.gradients = place.path("G")
      command.state = command.state.map { _ in place.path("S2") }
      command.outParameters = place.path("P3")
      command.outState = place.path("S3")
      try command.run()
    case var command as InspectCommand:
      command.files = [place.path("P"), place.path("S2")]
      try command.run()
    case var command: try command.run()
    }
  }

  /// Trains for at most two epochs. A model is either small or too large to be created.
  private func run(_ command: TrainCommand) throws {
    var command = command
    let widths = command.training.hidden.widths.map(Double.init)
    let size = zip(widths, widths.dropFirst()).reduce(widths.reduce(0, +)) { $0 + $1.0 * $1.1 }
    guard size < 1e3 || size > 1e9 else { return }
    command.data.data = place.path("table.csv")
    command.training.epochs = min(command.training.epochs, 2)
    command.output.quiet = true
    command.output.plot = command.output.plot.map { _ in place.path("loss.svg") }
    command.output.model = command.output.model.map { _ in place.path("trained.safetensors") }
    if command.checkpoints.directory != nil {
      place.remove("run")
      command.checkpoints.directory = place.path("run")
    }
    try command.run()
  }
}
