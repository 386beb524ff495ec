import ArgumentParser
import Optimizers
import Tensors

extension OptimizerKind: ExpressibleByArgument {}
extension Rounding: ExpressibleByArgument {}

/// The optimizer on the command line; what is not given keeps the library's default.
struct OptimizerArguments: ParsableArguments {
  @Option(help: "The optimizer.")
  var optimizer = OptimizerKind.adafactor

  @Option(
    name: .customLong("lr"),
    help: ArgumentHelp(
      """
      The learning rate. (default: for adafactor relative steps, min(10⁻², 1/√t), in its place; for adamw \
      \(AdamW.Options().learningRate))
      """, valueName: "rate"))
  var learningRate: Double?

  @Option(
    help: """
      The coefficient of the average of updates or gradients. (default: for adafactor none; for adamw \
      \(AdamW.Options().beta1))
      """)
  var beta1: Double?

  @Option(
    help: """
      The decoupled weight decay: each step first subtracts this times the step size from a parameter. (default: for adafactor \
      \(Adafactor.Options().weightDecay); for adamw \(AdamW.Options().weightDecay))
      """)
  var weightDecay: Double?

  @Option(
    help: """
      How steps round into 16-bit parameters: to nearest, where updates below the last place are lost; stochastic, \
      where they count in the mean; compensated, where the state keeps them until they count. (default: \
      \(Adafactor.Options().rounding))
      """)
  var rounding: Rounding?

  @OptionGroup var adafactor: AdafactorArguments
  @OptionGroup var adamw: AdamWArguments

  /// The names of all options that were given, apart from `--optimizer`.
  var given: [String] {
    let shared = [("--lr", learningRate), ("--beta1", beta1), ("--weight-decay", weightDecay)]
    return shared.filter { $0.1 != nil }.map(\.0) + (rounding == nil ? [] : ["--rounding"])
      + adafactor.given + adamw.given
  }

  /// Refuses what cannot stand beside the rest of the command line: a schedule without the rate that it scales, and
  /// a rounding of parameters that are not rounded.
  func check(scalarType: ScalarType, hasSchedule: Bool) throws {
    if hasSchedule, optimizer == .adafactor, learningRate == nil {
      throw ValidationError(
        "A schedule scales a learning rate, which Adafactor's relative steps have not: give one by --lr.")
    }
    if let rounding, scalarType.byteCount > 2 {
      throw ValidationError(
        "--rounding \(rounding.rawValue) is for 16-bit parameters, but those of \(scalarType.rawValue) are stored as "
          + "they are computed: leave it out, or give --dtype bfloat16 or --dtype float16.")
    }
  }

  /// The optimizer and its settings; `seed` is what stochastic rounding draws from.
  func choice(seed: UInt64) throws -> OptimizerChoice {
    let foreign = optimizer == .adafactor ? adamw.given : adafactor.given
    if let name = foreign.first {
      let other = optimizer == .adafactor ? OptimizerKind.adamw : .adafactor
      throw ValidationError(
        "\(name) belongs to \(other.rawValue), but the optimizer is \(optimizer.rawValue): "
          + "leave it out, or give --optimizer \(other.rawValue).")
    }
    switch optimizer {
    case .adafactor: return .adafactor(try adafactorOptions(seed: seed))
    case .adamw: return .adamw(try adamwOptions(seed: seed))
    }
  }

  private func adafactorOptions(seed: UInt64) throws -> Adafactor.Options {
    var options = Adafactor.Options()
    if learningRate != nil, adafactor.warmupInit {
      throw ValidationError("--warmup-init belongs to relative steps: leave out --lr or --warmup-init.")
    }
    options.learningRate =
      learningRate.map { .constant($0) } ?? .relative(warmupInit: adafactor.warmupInit)
    options.scaleParameter = adafactor.scaleParameter ?? options.scaleParameter
    options.clipThreshold = adafactor.clipThreshold ?? options.clipThreshold
    options.decayRate = adafactor.decayRate ?? options.decayRate
    options.beta1 = beta1
    options.weightDecay = weightDecay ?? options.weightDecay
    options.squaredGradientEpsilon = adafactor.eps1 ?? options.squaredGradientEpsilon
    options.parameterScaleEpsilon = adafactor.eps2 ?? options.parameterScaleEpsilon
    return try rounded(options, seed: seed)
  }

  private func adamwOptions(seed: UInt64) throws -> AdamW.Options {
    var options = AdamW.Options()
    options.learningRate = learningRate ?? options.learningRate
    options.beta1 = beta1 ?? options.beta1
    options.beta2 = adamw.beta2 ?? options.beta2
    options.epsilon = adamw.eps ?? options.epsilon
    options.weightDecay = weightDecay ?? options.weightDecay
    options.amsgrad = adamw.amsgrad
    options.biasCorrection = adamw.biasCorrection ?? options.biasCorrection
    return try rounded(options, seed: seed)
  }

  private func rounded<Rule: RoundedRule>(_ options: Rule, seed: UInt64) throws -> Rule {
    var options = options
    options.rounding = rounding ?? options.rounding
    // Elsewhere nothing is drawn: a setting that has no effect would only stand in checkpoints.
    if options.rounding == .stochastic { options.roundingSeed = seed }
    do {
      try options.validate()
    } catch {
      throw error.withOptionName
    }
    return options
  }
}

extension OptimizerError {
  /// This error with the option of the command line in the place of the library's name.
  fileprivate var withOptionName: OptimizerError {
    guard case .invalidOption(let name, let value, let requirement) = self else { return self }
    let others = [
      "The learning rate": "lr", "squaredGradientEpsilon": "eps1", "parameterScaleEpsilon": "eps2",
      "epsilon": "eps",
    ]
    let option = others[name] ?? name.replacing(#/[A-Z]/#) { "-" + $0.output.lowercased() }
    return .invalidOption(name: "--" + option, value: value, requirement: requirement)
  }
}

struct AdafactorArguments: ParsableArguments {
  @Flag(help: "Adafactor: starts relative steps at 10⁻⁶ t.")
  var warmupInit = false

  @Flag(
    inversion: .prefixedNo,
    help: "Adafactor: multiplies the step by the parameter's root mean square. (default: it does)")
  var scaleParameter: Bool?

  @Option(
    help: ArgumentHelp(
      "Adafactor: the root mean square above which an update is scaled down.", valueName: "d"))
  var clipThreshold: Double?

  @Option(
    help: ArgumentHelp(
      "Adafactor: the exponent of the second moments' decay, 1 − t^rate.", valueName: "exponent"))
  var decayRate: Double?

  @Option(help: ArgumentHelp("Adafactor: what is added to squared gradients.", valueName: "ε₁"))
  var eps1: Double?

  @Option(help: ArgumentHelp("Adafactor: the least root mean square that scales a step.", valueName: "ε₂"))
  var eps2: Double?

  var given: [String] {
    [
      ("--warmup-init", warmupInit), ("--scale-parameter", scaleParameter == true),
      ("--no-scale-parameter", scaleParameter == false), ("--clip-threshold", clipThreshold != nil),
      ("--decay-rate", decayRate != nil), ("--eps1", eps1 != nil), ("--eps2", eps2 != nil),
    ].filter(\.1).map(\.0)
  }
}

struct AdamWArguments: ParsableArguments {
  @Option(help: "AdamW: the share of the old in the average of squared gradients.")
  var beta2: Double?

  @Option(help: ArgumentHelp("AdamW: what is added to the root of the second moment.", valueName: "ε"))
  var eps: Double?

  @Flag(help: "AdamW: divides by the largest second moment so far.")
  var amsgrad = false

  @Flag(
    inversion: .prefixedNo, help: "AdamW: applies bias correction. (default: it does)")
  var biasCorrection: Bool?

  var given: [String] {
    [
      ("--beta2", beta2 != nil), ("--eps", eps != nil), ("--amsgrad", amsgrad),
      ("--bias-correction", biasCorrection == true), ("--no-bias-correction", biasCorrection == false),
    ].filter(\.1).map(\.0)
  }
}
