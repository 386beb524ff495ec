import ArgumentParser
import Optimizers
import Tensors

/// `adafactor step`: one optimizer step on safetensors files, for programs in any language.
struct StepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "step",
    abstract: "Takes one optimizer step on files of parameters, gradients and state.",
    discussion: """
      All files but the configuration are safetensors. The gradients have the names of their parameters; a parameter \
      without one stays as it is, its state too. Without --state every parameter begins anew. The state's tensors are \
      named <parameter>.exp_avg_sq_row and so on, as in the state of the Python optimizer.

      The configuration is JSON, with the options of the Python optimizers:
        {"optimizer": "adafactor",
         "groups": [{"parameters": ["embed.weight"], "lr": 1e-3, "relative_step": false}, {}]}
      A group without "parameters" takes all that no other names; missing options have their defaults. For "adamw" \
      they are torch's: lr, betas, eps, weight_decay, amsgrad, maximize. Both take "rounding" of 16-bit parameters, \
      nearest, stochastic or compensated, and "rounding_seed".

      Outputs may be the input files: they are replaced when everything is computed. One parameter at a time is in \
      memory. On an error nothing is written. (Only a system that fails while the second of the two files is put in \
      its place leaves one new and one old.)

      Example:
        adafactor step --config adafactor.json --parameters model.safetensors --gradients gradients.safetensors \
      --state state.safetensors --out-parameters model.safetensors --out-state state.safetensors
      """)

  @Option(help: ArgumentHelp("The optimizer and its groups.", valueName: "file.json"))
  var config: String

  @Option(help: ArgumentHelp("The parameters before the step.", valueName: "file"))
  var parameters: String

  @Option(help: ArgumentHelp("Their gradients.", valueName: "file"))
  var gradients: String

  @Option(help: ArgumentHelp("The optimizer's state before the step.", valueName: "file"))
  var state: String?

  @Option(help: ArgumentHelp("Where the parameters go.", valueName: "file"))
  var outParameters: String

  @Option(help: ArgumentHelp("Where the optimizer's state goes.", valueName: "file"))
  var outState: String

  @Option(help: Backend.help)
  var backend = Backend.defaultForOptimizers

  @Option(help: "The maximum number of threads. (default: one per core)")
  var threads: Int?

  func validate() throws {
    try requirePositive(["--threads": threads])
    try backend.requireAvailable()
    guard outParameters != outState else {
      throw ValidationError("--out-parameters and --out-state are the same file: \(outState).")
    }
  }

  func run() throws {
    let configuration = try StepConfiguration(path: config)
    switch configuration.optimizer {
    case .adafactor: try run(AdafactorOptions.self, configuration)
    case .adamw: try run(AdamWOptions.self, configuration)
    }
  }

  private func run<Rule: FileRule>(_ type: Rule.Type, _ configuration: StepConfiguration) throws {
    let step = try FileStep<Rule>(
      StepInputs(parameters: parameters, gradients: gradients, state: state), configuration)
    let report = try step.run(
      outParameters: outParameters, outState: outState, backend: backend, threads: threads)
    try StandardStreams.write("stepped \(report.steppedCount) of \(step.parameterCount) parameters\n")
    for name in report.nonFinite {
      Terminal.warn(
        "Warning: \(gradients): the gradient of \"\(name)\" is not finite; so is its parameter now.")
    }
  }
}
