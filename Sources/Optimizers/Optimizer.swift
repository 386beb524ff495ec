import Backends
import KernelInterface
import Schedules
import Tensors

/// An optimizer: groups of parameters, the state of each parameter, and the steps that change both.
///
/// A training loop that takes an `Optimizer` runs with every optimizer. In a ``RuleOptimizer``, such as ``Adafactor`` or
/// ``AdamW``, all groups have the same rule. In a ``MultiOptimizer``, each group has a rule of its own.
///
/// A step has the same bits for any number of ``threads``. On the OpenBLAS backend, rules that multiply matrices, such as
/// ``Muon`` and ``SOAP``, run their products on OpenBLAS's own threads, and the last bits may depend on the number of those
/// threads. Set it with the environment variable OPENBLAS_NUM_THREADS.
public class Optimizer: ScheduledOptimizer {
  /// The backend.
  public let backend: Backend

  /// The maximum number of threads of a step.
  public let threads: Int

  /// The policy for parameters whose gradients are not finite.
  public var nonFinitePolicy: NonFinitePolicy

  /// The value of each hyperparameter in each group before its first scheduler changed it. Schedulers set this property.
  public var initialValues: [Hyperparameter: [Double?]] = [:]

  /// The rule of each group.
  private(set) var ruleGroups: [any AnyRuleGroup] = []
  /// The parameters of each group.
  private(set) var groupParameters: [[Parameter]] = []
  /// One slot for each parameter, in the order of groups and parameters.
  private(set) var slots: ContiguousArray<ParameterSlot> = []
  /// The index of each parameter's slot.
  private var indices: [ObjectIdentifier: Int] = [:]
  let engine: StepEngine
  /// The batch of the last step. It is reused as long as the same parameters have gradients.
  var batch = StepBatch([])
  /// The batches of parameters that were stepped by themselves, by the index of their slots.
  var singleBatches: [Int: StepBatch] = [:]
  /// Whether the parameters and their gradients are too large for a second-level cache.
  private(set) var mayComeFromMemory = false

  /// The maximum number of elements that fit, together with their gradients, in a second-level cache of 1 MB.
  private static var mostCachedElements: Int { 1 << 17 }

  init(
    parameters groupParameters: [[Parameter]], rules: [any AnyRuleGroup],
    nonFinitePolicy: NonFinitePolicy, backend: Backend?, threads: Int?
  ) throws(OptimizerError) {
    let threads = threads ?? processorCount
    let backend = backend ?? (rules.contains { $0.multipliesMatrices } ? .default : .defaultForOptimizers)
    self.nonFinitePolicy = nonFinitePolicy
    self.backend = backend
    self.threads = threads
    engine = StepEngine(backend: backend, threads: threads)
    try append(groupParameters, rules: rules)
  }

  /// Appends groups, or throws without changing anything.
  func append(_ groups: [[Parameter]], rules: [any AnyRuleGroup]) throws(OptimizerError) {
    try Self.check(groupParameters + groups)
    func validate(_ group: some AnyRuleGroup, _ parameters: [Parameter]) throws(OptimizerError) {
      try group.rule.validate()
      for parameter in parameters { try group.rule.check(shape: parameter.value.shape, of: parameter.name) }
    }
    for (rule, parameters) in zip(rules, groups) { try validate(rule, parameters) }
    groupParameters += groups
    ruleGroups += rules
    let elements = groupParameters.joined().reduce(0) { $0 + $1.value.elementCount }
    mayComeFromMemory = elements > Self.mostCachedElements
    for (parameters, rule) in zip(groups, rules) {
      for parameter in parameters {
        indices[ObjectIdentifier(parameter)] = slots.count
        slots.append(ParameterSlot(parameter, group: rule, index: slots.count))
      }
    }
  }

  /// Throws an error for groups that an optimizer cannot step: empty groups, and duplicate parameters or names.
  private static func check(_ groups: [[Parameter]]) throws(OptimizerError) {
    if groups.isEmpty { throw .noParameters(group: 0) }
    var names = Set<String>()
    var identities = Set<ObjectIdentifier>()
    for (index, parameters) in groups.enumerated() {
      if parameters.isEmpty { throw .noParameters(group: index) }
      for parameter in parameters {
        guard identities.insert(ObjectIdentifier(parameter)).inserted, names.insert(parameter.name).inserted
        else { throw .duplicateParameter(name: parameter.name) }
      }
    }
  }

  // MARK: Parameters and groups

  /// All parameters, group by group, in the order they were given.
  public var parameters: [Parameter] { slots.map(\.parameter) }

  /// The number of parameter groups.
  public var groupCount: Int { ruleGroups.count }

  /// Returns the slot of a parameter, or nil for parameters of other optimizers.
  func slot(of parameter: Parameter) -> ParameterSlot? {
    indices[ObjectIdentifier(parameter)].map { slots[$0] }
  }

  /// Returns the value of a hyperparameter of a group, or nil if the group's rule computes it.
  public func value(of hyperparameter: Hyperparameter, inGroup index: Int) -> Double? {
    ruleGroups[index].value(of: hyperparameter)
  }

  /// Sets a hyperparameter of a group, starting with the next step.
  ///
  /// - Precondition: the group's rule does not compute it, and accepts the value.
  public func setValue(_ value: Double, of hyperparameter: Hyperparameter, inGroup index: Int) {
    func set(_ group: some AnyRuleGroup) throws(OptimizerError) {
      switch hyperparameter {
      case .learningRate:
        guard let setting = group.rule.learningRate.settingConstant(value) else {
          fatalError(
            "Group \(index) computes its own learning rate, so it cannot be set to \(value).")
        }
        try group.update { $0.learningRate = setting }
      case .weightDecay: try group.update { $0.weightDecay = value }
      }
    }
    do { try set(ruleGroups[index]) } catch { fatalError("Group \(index): \(error)") }
  }

  // MARK: Ranks

  /// The connection with the ranks that share parameters of this optimizer; nil for an optimizer of its own.
  package var reducer: (any StepReducer)? {
    get { engine.reducer }
    set { engine.reducer = newValue }
  }

  /// The names and values of everything that ranks which share parameters must have in common before their first step.
  package var sharedFacts: [(name: String, value: String)] {
    func options(_ group: some AnyRuleGroup) -> String { "\(type(of: group.rule).name) \(group.rule)" }
    var facts = [(name: "the backend", value: backend.rawValue)]
    for index in ruleGroups.indices {
      facts.append(("the options of group \(index)", options(ruleGroups[index])))
      for parameter in groupParameters[index] {
        let shape = parameter.shard?.wholeShape ?? parameter.value.shape
        facts.append(
          (
            "the parameter \"\(parameter.name)\"",
            "\(shape) \(parameter.value.scalarType.rawValue) in group \(index)"
          ))
      }
    }
    return facts
  }

  // MARK: Memory

  /// The size of the optimizer's state in bytes.
  public var stateByteCount: Int { slots.reduce(0) { $0 + ($1.state?.byteCount ?? 0) } }

  /// The size in bytes of the memory that is held in addition to the state, for numbers that pass between phases.
  package var workspaceByteCount: Int { engine.workspaceByteCount }
}

extension Optimizer: CustomStringConvertible {
  /// The rules, and the number of parameters and elements of each group.
  public var description: String {
    func options(_ group: some AnyRuleGroup) -> String { "\(type(of: group.rule).name) (\(group.rule))" }
    return ruleGroups.indices.map { index in
      let elements = groupParameters[index].reduce(0) { $0 + $1.value.elementCount }
      return
        "\(options(ruleGroups[index])): \(groupParameters[index].count) parameters of \(elements) elements"
    }.joined(separator: "\n")
  }
}
