import ArgumentParser
import Optimizers
import Schedules

/// Adafactor's options on the command line; what is not given keeps the library's default.
struct AdafactorArguments: ParsableArguments {
  @Option(
    name: .customLong("lr"),
    help: ArgumentHelp("A learning rate in place of relative steps, min(10⁻², 1/√t).", valueName: "rate"))
  var learningRate: Double?

  @Flag(help: "Starts relative steps at 10⁻⁶ t.")
  var warmupInit = false

  @Flag(
    inversion: .prefixedNo,
    help: "Multiplies the step by the parameter's root mean square. (default: it does)")
  var scaleParameter: Bool?

  @Option(help: ArgumentHelp("The root mean square above which an update is scaled down.", valueName: "d"))
  var clipThreshold: Double?

  @Option(help: ArgumentHelp("The exponent of the second moments' decay, 1 − t^rate.", valueName: "exponent"))
  var decayRate: Double?

  @Option(help: "The coefficient of the average of updates; none without it.")
  var beta1: Double?

  @Option(help: "The part of a parameter, times the step, that each step takes off.")
  var weightDecay: Double?

  @Option(help: ArgumentHelp("What is added to squared gradients.", valueName: "ε₁"))
  var eps1: Double?

  @Option(help: ArgumentHelp("The least root mean square that scales a step.", valueName: "ε₂"))
  var eps2: Double?

  func options() throws -> Adafactor.Options {
    var options = Adafactor.Options()
    if let learningRate {
      guard !warmupInit else {
        throw ValidationError("--warmup-init belongs to relative steps: leave out --lr or --warmup-init.")
      }
      options.stepSize = .fixed(learningRate)
    } else {
      options.stepSize = .relative(warmupInitialization: warmupInit)
    }
    options.scaleParameter = scaleParameter ?? options.scaleParameter
    options.clipThreshold = clipThreshold ?? options.clipThreshold
    options.decayRate = decayRate ?? options.decayRate
    options.beta1 = beta1
    options.weightDecay = weightDecay ?? options.weightDecay
    options.squaredGradientEpsilon = eps1 ?? options.squaredGradientEpsilon
    options.parameterScaleEpsilon = eps2 ?? options.parameterScaleEpsilon
    try options.validate()
    return options
  }
}

/// A schedule of the learning rate on the command line.
struct ScheduleArgumentsOfTraining: ParsableArguments {
  @Option(
    name: .customLong("schedule"),
    help: ArgumentHelp(
      "A schedule of the learning rate; `adafactor schedule --list` names them.", valueName: "name"))
  var name: String?

  @Option(help: "The steps of the warm-up, or a part of the training below 1, as 0.1.")
  var warmupSteps: WarmupLength?

  @Option(
    name: .customLong("schedule-option"),
    help: ArgumentHelp("An option of the schedule.", valueName: "key=value"))
  var options: [ScheduleOptionArgument] = []

  func validate() throws {
    guard name != nil || (warmupSteps == nil && options.isEmpty) else {
      throw ValidationError(
        "--warmup-steps and --schedule-option belong to a schedule: name one by --schedule.")
    }
  }

  func choice() throws -> ScheduleChoice? {
    guard let name else { return nil }
    let options = try ScheduleOptionArgument.distribute(options, over: [name])
    return ScheduleChoice(name: name, warmup: warmupSteps ?? .steps(0), options: options[name] ?? [:])
  }
}
