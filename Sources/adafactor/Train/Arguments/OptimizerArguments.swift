import ArgumentParser
import Checkpoints
import Optimizers
import Tensors

extension OptimizerKind: ExpressibleByArgument {}
extension Rounding: ExpressibleByArgument {}

/// The optimizer options of the command line. Options that are not given keep the library's defaults.
///
/// A flag corresponds to a setting under the reference's name. An optimizer accepts a flag if its settings
/// have that name. The settings are decoded and checked as in a configuration.
struct OptimizerArguments: ParsableArguments {
  @Option(
    help: """
      The optimizer. With muon, only hidden matrices use muon; adamw with its defaults steps the rest.
      """)
  var optimizer = OptimizerKind.adafactor

  @Option(
    name: .customLong("lr"),
    help: ArgumentHelp(
      """
      The learning rate. (default: adafactor, factored_soap and galore_adafactor use relative steps, \
      min(10⁻², 1/√t), instead; \(Self.learningRates))
      """, valueName: "rate"))
  var learningRate: Double?

  @Option(
    help:
      "The decoupled weight decay. With sgd, it is added to the gradient. (default: \(Self.weightDecays))"
  )
  var weightDecay: Double?

  @Option(
    help: """
      The rounding into 16-bit parameters. nearest loses updates below the last place; stochastic preserves \
      them on average; compensated keeps what rounding loses in the state and adds it later. (default: \
      \(Adafactor.Options().rounding))
      """)
  var rounding: Rounding?

  @Option(
    help: """
      The decay of the average of updates or gradients: all except sgd and muon. With schedule_free_adamw, \
      the position between the two sequences of weights at which the gradient is taken.
      """)
  var beta1: Double?

  @Option(help: "The decay of the average of squared gradients or, with lion, of the stored momentum.")
  var beta2: Double?

  @Option(help: "The decay of the average of instabilities: came.")
  var beta3: Double?

  @Option(help: "The decay of the momentum: sgd, muon.")
  var momentum: Double?

  @Option(help: "The fraction of a gradient that is not added to the momentum: sgd.")
  var dampening: Double?

  @Flag(inversion: .prefixedNo, help: "Uses Nesterov momentum: sgd, muon.")
  var nesterov: Bool?

  @Option(
    help: ArgumentHelp(
      "A number that is added to the square root of the second moment or to a norm.", valueName: "ε"))
  var eps: Double?

  @Flag(help: "Maximizes the loss.")
  var maximize = false

  @Flag(help: "Starts relative steps at 10⁻⁶ t: adafactor, factored_soap, galore_adafactor.")
  var warmupInit = false

  @Flag(
    inversion: .prefixedNo,
    help: """
      Multiplies the step size by the parameter's root mean square: adafactor, factored_soap, \
      galore_adafactor. (default: yes)
      """)
  var scaleParameter: Bool?

  @Option(
    help: ArgumentHelp(
      """
      The root mean square above which an update is scaled down: adafactor, came, factored_soap, \
      galore_adafactor.
      """,
      valueName: "d"))
  var clipThreshold: Double?

  @Option(
    help: ArgumentHelp(
      "The exponent of the second moments' decay, 1 − t^rate: adafactor, factored_soap, galore_adafactor.",
      valueName: "exponent"))
  var decayRate: Double?

  @Option(
    help: ArgumentHelp(
      "A number that is added to squared gradients: adafactor, came, factored_soap, galore_adafactor.",
      valueName: "ε₁"))
  var eps1: Double?

  @Option(
    help: ArgumentHelp(
      """
      The minimum root mean square that scales a step: adafactor, factored_soap, galore_adafactor. A \
      number that is added to instabilities: came.
      """,
      valueName: "ε₂"))
  var eps2: Double?

  @Flag(help: "Divides by the largest second moment so far: adamw.")
  var amsgrad = false

  @Flag(
    inversion: .prefixedNo, help: "Applies bias correction: adamw, soap, galore_adamw. (default: yes)")
  var biasCorrection: Bool?

  @Option(help: "The number of Newton–Schulz steps: muon.")
  var nsSteps: Int?

  @Option(
    help: ArgumentHelp(
      """
      The coefficients of the Newton–Schulz steps: simple, quintic, polar_express, deepseek_v4, cubic5, or \
      three numbers separated by commas: muon.
      """, valueName: "set"))
  var nsCoefficients: String?

  @Option(
    name: .customLong("adjust-lr-fn"),
    help: ArgumentHelp(
      """
      The dependence of the learning rate on a matrix's shape, original, match_rms_adamw or \
      spectral_unclamped: muon.
      """,
      valueName: "rule"))
  var adjustLearningRate: String?

  @Option(
    help: ArgumentHelp(
      "The orthogonalization, newton_schulz, or polar for the exact polar factor: muon.", valueName: "method")
  )
  var orthogonalization: String?

  @Option(help: "The decay of the averages of G Gᵀ and Gᵀ G: soap, factored_soap.")
  var shampooBeta: Double?

  @Option(help: "The number of steps between refreshes of the eigenbases: soap, factored_soap.")
  var preconditionFrequency: Int?

  @Option(help: "The maximum length of an axis that has an eigenbasis: soap, factored_soap.")
  var maxPrecondDim: Int?

  @Flag(inversion: .prefixedNo, help: "Merges neighboring axes up to the length --max-precond-dim: soap.")
  var mergeDims: Bool?

  @Flag(
    name: .customLong("precondition-1d"), inversion: .prefixedNo,
    help: "Gives vectors an eigenbasis too: soap, factored_soap.")
  var preconditionVectors: Bool?

  @Flag(inversion: .prefixedNo, help: "Divides an update by its root mean square: soap.")
  var normalizeGrads: Bool?

  @Flag(inversion: .prefixedNo, help: "Uses only one eigenbasis, for the shorter axis: factored_soap.")
  var oneSided: Bool?

  @Option(
    help: """
      The number of singular vectors that gradients of matrices are projected onto: galore_adamw, \
      galore_adafactor.
      """)
  var rank: Int?

  @Option(help: "The number of steps between decompositions: galore_adamw, galore_adafactor.")
  var updateProjGap: Int?

  @Option(help: "The factor that multiplies projected updates: galore_adamw, galore_adafactor.")
  var scale: Double?

  @Option(
    help: ArgumentHelp(
      "The singular vectors, std, reverse_std, left, right or full: galore_adamw, galore_adafactor.",
      valueName: "type"))
  var projType: String?

  @Option(help: "The number of steps over which the rate rises to --lr: schedule_free_adamw.")
  var rateWarmupSteps: Int?

  @Option(
    name: .customLong("r"),
    help: ArgumentHelp(
      "The power of the step count that weights a step in the average of weights: schedule_free_adamw.",
      valueName: "power"))
  var averagingPower: Double?

  @Option(
    name: .customLong("weight-lr-power"),
    help: ArgumentHelp(
      "The power of the learning rate that weights a step in the average of weights: schedule_free_adamw.",
      valueName: "power"))
  var ratePower: Double?

  @Flag(
    inversion: .prefixedNo,
    help: "Refreshes the eigenbases of parameters at different steps: soap, factored_soap.")
  var spreadRefresh: Bool?

  // Computed once per process, not for every set of arguments.
  private static let learningRates = defaults("lr")
  private static let weightDecays = defaults("weight_decay")

  /// Returns the defaults of a setting for all optimizers that have it as a number.
  private static func defaults(_ key: String) -> String {
    OptimizerKind.allCases.compactMap { kind in
      switch try? JSONText.members(of: kind.rule.init())[key] {
      case .number(let value): "\(kind.rawValue) \(value)"
      case .integer(let value): "\(kind.rawValue) \(value)"
      default: nil
      }
    }.joined(separator: ", ")
  }

  // MARK: Flags as settings

  /// A flag that was given, and the settings that it sets in different optimizers.
  private struct Setting {
    let flag: String
    let places: [Place]
    let value: JSONValue
  }

  /// A setting, or one number of a setting that holds several.
  private struct Place {
    let key: String
    var index: Int?

    /// The name that errors use.
    var name: String { key + (index.map { "[\($0)]" } ?? "") }

    /// Returns whether an optimizer has this place: its settings have the key, with enough numbers.
    func belongs(to rule: any FileRule.Type, value: JSONValue) -> Bool {
      guard let setting = try? JSONText.members(of: rule.init())[key] else {
        do {
          _ = try JSONText.decode(rule, from: .object([key: value]))
        } catch OptimizerError.unknownOption {
          return false
        } catch {}
        return true
      }
      guard case .array(let numbers) = setting else { return index == nil }
      if let index { return index < numbers.count }
      if case .number = value { return false }
      return true
    }
  }

  private var settings: [Setting] {
    var settings: [Setting] = []
    func add(_ flag: String, _ places: [Place], _ value: JSONValue?) {
      if let value { settings.append(Setting(flag: flag, places: places, value: value)) }
    }
    func add(_ flag: String, _ key: String, _ value: Double?) {
      add(flag, [Place(key: key)], value.map(JSONValue.number))
    }
    func add(_ flag: String, _ key: String, _ value: Bool?) {
      add(value == false ? "--no-" + flag.dropFirst(2) : flag, [Place(key: key)], value.map(JSONValue.bool))
    }
    add("--lr", "lr", learningRate)
    add("--weight-decay", "weight_decay", weightDecay)
    add("--beta1", [Place(key: "beta1"), Place(key: "betas", index: 0)], beta1.map(JSONValue.number))
    add("--beta2", [Place(key: "betas", index: 1)], beta2.map(JSONValue.number))
    add("--beta3", [Place(key: "betas", index: 2)], beta3.map(JSONValue.number))
    add("--momentum", "momentum", momentum)
    add("--dampening", "dampening", dampening)
    add("--nesterov", "nesterov", nesterov)
    add("--eps", "eps", eps)
    add("--maximize", "maximize", maximize ? true : nil)
    add("--warmup-init", "warmup_init", warmupInit ? true : nil)
    add("--scale-parameter", "scale_parameter", scaleParameter)
    add("--clip-threshold", "clip_threshold", clipThreshold)
    add("--decay-rate", "decay_rate", decayRate)
    add("--eps1", [Place(key: "eps", index: 0)], eps1.map(JSONValue.number))
    add("--eps2", [Place(key: "eps", index: 1)], eps2.map(JSONValue.number))
    add("--amsgrad", "amsgrad", amsgrad ? true : nil)
    add("--bias-correction", "correct_bias", biasCorrection)
    add("--ns-steps", [Place(key: "ns_steps")], nsSteps.map { .integer(Int64($0)) })
    add("--ns-coefficients", [Place(key: "ns_coefficients")], nsCoefficients.map(Self.coefficients))
    add("--adjust-lr-fn", [Place(key: "adjust_lr_fn")], adjustLearningRate.map(JSONValue.string))
    add("--orthogonalization", [Place(key: "orthogonalization")], orthogonalization.map(JSONValue.string))
    add("--shampoo-beta", "shampoo_beta", shampooBeta)
    add(
      "--precondition-frequency", [Place(key: "precondition_frequency")],
      preconditionFrequency.map { .integer(Int64($0)) })
    add("--max-precond-dim", [Place(key: "max_precond_dim")], maxPrecondDim.map { .integer(Int64($0)) })
    add("--merge-dims", "merge_dims", mergeDims)
    add("--precondition-1d", "precondition_1d", preconditionVectors)
    add("--normalize-grads", "normalize_grads", normalizeGrads)
    add("--one-sided", "one_sided", oneSided)
    add("--spread-refresh", "spread_refresh", spreadRefresh)
    add("--rank", [Place(key: "rank")], rank.map { .integer(Int64($0)) })
    add("--update-proj-gap", [Place(key: "update_proj_gap")], updateProjGap.map { .integer(Int64($0)) })
    add("--scale", "scale", scale)
    add("--proj-type", [Place(key: "proj_type")], projType.map(JSONValue.string))
    add("--rate-warmup-steps", [Place(key: "warmup_steps")], rateWarmupSteps.map { .integer(Int64($0)) })
    add("--r", "r", averagingPower)
    add("--weight-lr-power", "weight_lr_power", ratePower)
    return settings
  }

  /// Returns numbers that are separated by commas, or a name.
  private static func coefficients(_ text: String) -> JSONValue {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
    return parts.contains(nil) ? .string(text) : .array(parts.map { .number($0!) })
  }

  /// The names of all options that were given, except `--optimizer`.
  var given: [String] { settings.map(\.flag) + (rounding == nil ? [] : ["--rounding"]) }

  // MARK: Checks

  /// Refuses options that do not fit the rest of the command line: a schedule without the learning rate that
  /// it scales, and a rounding for parameters that are not rounded.
  func check(scalarType: ScalarType, hasSchedule: Bool) throws {
    if hasSchedule, optimizer.hasRelativeSteps, learningRate == nil {
      throw ValidationError(
        "A schedule scales a learning rate, but Adafactor's relative steps have none: give one with --lr.")
    }
    if let rounding, scalarType.byteCount > 2 {
      throw ValidationError(
        "--rounding \(rounding.rawValue) is for 16-bit parameters, but \(scalarType.rawValue) parameters are "
          + "stored as they are computed: remove it, or give --dtype bfloat16 or --dtype float16.")
    }
    if optimizer.hasRelativeSteps, learningRate != nil, warmupInit {
      throw ValidationError("--warmup-init belongs to relative steps: remove --lr or --warmup-init.")
    }
  }

  /// Returns the optimizer and its settings; `seed` is the seed of stochastic rounding.
  func choice(seed: UInt64) throws -> OptimizerChoice {
    try check(scalarType: .bfloat16, hasSchedule: false)
    func choice<Rule: FileRule>(_ rule: Rule.Type) throws -> OptimizerChoice {
      var members: [String: JSONValue] = [:]
      var flags: [String: String] = [:]
      for setting in settings {
        guard let place = setting.places.first(where: { $0.belongs(to: rule, value: setting.value) }) else {
          throw foreign(setting)
        }
        flags[place.name] = setting.flag
        guard let index = place.index else {
          members[place.key] = setting.value
          continue
        }
        guard case .array(var numbers) = try members[place.key] ?? JSONText.members(of: Rule())[place.key]
        else {
          fatalError("\(place.key) of \(Rule.name) holds no array")
        }
        numbers[index] = setting.value
        members[place.key] = .array(numbers)
      }
      // The reference requires both settings, so that a learning rate cannot be combined with relative steps.
      if optimizer.hasRelativeSteps, learningRate != nil { members["relative_step"] = .bool(false) }
      do {
        var options = try JSONText.decode(rule, from: .object(members))
        options.rounding = rounding ?? options.rounding
        // Other roundings draw nothing: for them, checkpoints would hold a seed without effect.
        if options.rounding == .stochastic { options.roundingSeed = seed }
        return OptimizerChoice(options)
      } catch OptimizerError.invalidOption(let name, let value, let requirement) {
        throw OptimizerError.invalidOption(
          name: flags[name] ?? "--" + name.replacing("_", with: "-"), value: value, requirement: requirement)
      }
    }
    return try choice(optimizer.rule)
  }

  private func foreign(_ setting: Setting) -> ValidationError {
    let owners = OptimizerKind.allCases.filter { kind in
      setting.places.contains { $0.belongs(to: kind.rule, value: setting.value) }
    }.map(\.rawValue)
    return ValidationError(
      "\(setting.flag) belongs to \(owners.joined(separator: ", ")), but the optimizer is "
        + "\(optimizer.rawValue): "
        + "remove it, or give --optimizer \(owners[0]).")
  }
}
