import ArgumentParser
import Foundation
import Optimizers
import Safetensors
import Tensors

/// `adafactor step`: takes one optimizer step on safetensors files, for programs in any language.
struct StepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "step",
    abstract: "Takes one optimizer step on files of parameters, gradients and state.",
    usage: """
      adafactor step --config <file.json> --parameters <file>
                     --gradients <file> [--state <file>]
                     --out-parameters <file> --out-state <file> [<options>]
      """,
    discussion: """
      All files except the configuration are safetensors. Gradients have the names of their parameters. A \
      parameter without a gradient is unchanged, and so is its state. Without --state, every parameter \
      starts at step 0. The state's tensors are named <parameter>.exp_avg_sq_row and so on, as in the state \
      of the Python optimizer.

      The configuration is JSON, with the options of the Python optimizers:
        {"optimizer": "adafactor",
         "groups": [{"parameters": ["embed.weight"], "lr": 1e-3, "relative_step": false}, {}]}
      A group without "parameters" takes all parameters that no other group names; missing options have \
      their defaults. The optimizers are \(OptimizerKind.allCases.map(\.rawValue).joined(separator: ", ")). \
      For "adamw", the options are torch's: lr, betas, eps, weight_decay, amsgrad, maximize. All optimizers \
      take "rounding" of 16-bit parameters, which is nearest, stochastic or compensated, and \
      "rounding_seed".

      Outputs may be the input files: they are replaced together when everything is computed. If an error, a \
      signal or a loss of power ends the step before that, both files are the old ones. If it ends the step \
      between the two replacements, the next step on the files completes them first. Two steps on the same \
      files wait for each other. Links are followed, and - is standard output. Only one parameter at a time \
      is in memory. Parameters without elements are copied.

      If a gradient contains NaN or infinity, or if its squares overflow, the step ends with an error unless \
      --non-finite chooses another policy.

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

  @Option(help: ArgumentHelp("The file to write the parameters to.", valueName: "file"))
  var outParameters: String

  @Option(help: ArgumentHelp("The file to write the optimizer's state to.", valueName: "file"))
  var outState: String

  @Option(
    help: ArgumentHelp(
      "The file to write the parameters in evaluation mode to, after the step: schedule_free_adamw.",
      valueName: "file"))
  var outEvaluation: String?

  @Option(
    help: ArgumentHelp(
      """
      The policy for gradients that are not finite. throw-error changes neither file; skip-step copies \
      everything unchanged; skip-parameter copies the affected parameters unchanged; propagate steps as the \
      Python optimizers do, and the parameter becomes NaN.
      """, valueName: "policy"))
  var nonFinite = NonFiniteChoice.throwError

  @Option(
    help: """
      The backend: \(Backend.names). (default: \(Backend.defaultForOptimizers.rawValue); \
      \(Backend.default.rawValue) for \
      \(OptimizerKind.multiplyingMatrices.map(\.rawValue).joined(separator: ", ")))
      """)
  var backend: Backend?

  @Option(help: "The maximum number of threads, at most one per core. (default: one per core)")
  var threads: Int?

  func validate() throws {
    try requirePositive(["--threads": threads])
    try backend?.requireAvailable()
  }

  func run() throws {
    let configuration = try StepConfiguration(path: config)
    try run(configuration.optimizer.rule, configuration)
  }

  private func run<Rule: FileRule>(_ type: Rule.Type, _ configuration: StepConfiguration) throws {
    Termination.removeTemporaryFiles()
    let newParameters = try OutputFile(outParameters, option: "--out-parameters")
    let newState = try OutputFile(outState, option: "--out-state")
    guard outEvaluation == nil || Rule.self == ScheduleFreeAdamWOptions.self else {
      throw ValidationError(
        "--out-evaluation belongs to schedule_free_adamw, but the optimizer is \(Rule.name): remove it.")
    }
    try newState.requireOther(than: outParameters, of: "--out-parameters")
    try newState.requireOther(than: parameters, of: "--parameters")
    try newParameters.requireOther(than: state, of: "--state")
    var (evaluationPath, usesStandardOutput) = (
      String?.none, newParameters.isStandardOutput || newState.isStandardOutput
    )
    if let outEvaluation {
      let newEvaluation = try OutputFile(outEvaluation, option: "--out-evaluation")
      for (path, option) in [
        (outParameters, "--out-parameters"), (outState, "--out-state"), (parameters, "--parameters"),
        (gradients, "--gradients"), (state, "--state"), (config, "--config"),
      ] {
        try newEvaluation.requireOther(than: path, of: option)
      }
      evaluationPath = newEvaluation.path
      usesStandardOutput = usesStandardOutput || newEvaluation.isStandardOutput
    }
    for (path, option) in [(config, "--config"), (gradients, "--gradients")] {
      try newParameters.requireOther(than: path, of: option)
      try newState.requireOther(than: path, of: option)
    }
    let transaction = try FileTransaction(
      reading: [parameters] + (state.map { [$0] } ?? []), writing: [newParameters.path, newState.path],
      waiting: { Terminal.warn("Waiting for another step on \($0).") })
    for recovery in transaction.recoveries { Terminal.warn("Warning: \(recovery).") }
    let step = try FileStep<Rule>(
      StepInputs(parameters: parameters, gradients: gradients, state: state), configuration)
    transaction.finishReading()
    let cores = ProcessInfo.processInfo.processorCount
    if let threads, threads > cores {
      Terminal.warn(
        "Warning: --threads is \(threads), but there are \(cores) cores: the step runs on \(cores) threads.")
    }
    let report = try step.run(
      .init(
        outParameters: newParameters.path, outState: newState.path, outEvaluation: evaluationPath,
        nonFinitePolicy: nonFinite.policy,
        backend: backend, threads: threads.map { min($0, cores) }), in: transaction)
    for name in report.nonFinite {
      let outcome =
        switch nonFinite {
        case .skipParameter: "it is copied unchanged"
        case .skipStep: "nothing is stepped"
        default: "its parameter is not finite now"
        }
      Terminal.warn("Warning: \(gradients): the update of \"\(name)\" is not finite; \(outcome).")
    }
    let summary = "stepped \(report.steppedCount) of \(step.parameterCount) parameters\n"
    if usesStandardOutput {
      StandardStreams.report(summary)
    } else {
      try StandardStreams.write(summary)
    }
  }
}

/// The library's policies under names with dashes.
enum NonFiniteChoice: String, ExpressibleByArgument, CaseIterable {
  case propagate
  case skipParameter = "skip-parameter"
  case skipStep = "skip-step"
  case throwError = "throw-error"

  var policy: NonFinitePolicy {
    switch self {
    case .propagate: .propagate
    case .skipParameter: .skipParameter
    case .skipStep: .skipStep
    case .throwError: .throwError
    }
  }
}
