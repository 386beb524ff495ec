import Checkpoints
import Optimizers
import Tensors

/// The optimizers under their names in files and on the command line.
enum OptimizerKind: String, CaseIterable, Encodable {
  case adafactor, adamw, sgd, lion, came, muon, soap
  case stableAdamW = "stable_adamw"
  case factoredSOAP = "factored_soap"
  case scheduleFreeAdamW = "schedule_free_adamw"
  case galoreAdamW = "galore_adamw"
  case galoreAdafactor = "galore_adafactor"

  var rule: any FileRule.Type {
    switch self {
    case .adafactor: AdafactorOptions.self
    case .adamw: AdamWOptions.self
    case .sgd: SGDOptions.self
    case .lion: LionOptions.self
    case .stableAdamW: StableAdamWOptions.self
    case .came: CAMEOptions.self
    case .muon: MuonOptions.self
    case .soap: SOAPOptions.self
    case .factoredSOAP: FactoredSOAPOptions.self
    case .scheduleFreeAdamW: ScheduleFreeAdamWOptions.self
    case .galoreAdamW: GaLoreAdamWOptions.self
    case .galoreAdafactor: GaLoreAdafactorOptions.self
    }
  }

  /// The optimizers that multiply matrices.
  static var multiplyingMatrices: [Self] { allCases.filter { $0.rule.multipliesMatrices } }

  /// Whether steps are relative to the step count unless a learning rate is set: in Adafactor and rules based
  /// on it.
  var hasRelativeSteps: Bool { (try? JSONText.members(of: rule.init()))?["relative_step"] == .bool(true) }
}

/// An optimizer with its settings.
struct OptimizerChoice: Equatable {
  let options: any FileRule

  init(_ options: some FileRule) { self.options = options }

  var kind: OptimizerKind {
    guard let kind = OptimizerKind(rawValue: type(of: options).name) else {
      fatalError("no kind of optimizer is named \(type(of: options).name)")
    }
    return kind
  }

  static func == (choice: OptimizerChoice, other: OptimizerChoice) -> Bool {
    func equal<Rule: FileRule>(_ options: Rule) -> Bool { options == other.options as? Rule }
    return equal(choice.options)
  }

  /// Creates the optimizer of a perceptron's parameters. A rule for matrices steps only the hidden matrices,
  /// and AdamW steps the rest.
  func make(
    _ parameters: [Parameter], outputLayer: String, backend: Backend?, threads: Int?
  ) throws(OptimizerError) -> Optimizer {
    func make(_ options: some UpdateRule) throws(OptimizerError) -> Optimizer {
      guard kind == .muon else {
        return try RuleOptimizer(parameters, options: options, backend: backend, threads: threads)
      }
      return try MultiOptimizer(
        parameters, hiddenMatrices: options, rest: AdamWOptions(), excluding: ["^\(outputLayer)\\."],
        backend: backend, threads: threads)
    }
    return try make(options)
  }

  /// The settings as JSON, one text for each of the reference's names.
  var descriptions: [String: String] {
    get throws {
      try JSONText.members(of: options).mapValues { String(decoding: try JSONText.encode($0), as: UTF8.self) }
    }
  }
}
