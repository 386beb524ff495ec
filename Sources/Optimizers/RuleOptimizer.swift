import Backends
import Schedules
import Tensors

/// An optimizer whose groups all have the same rule: a rule of this library or of your own.
///
///     let optimizer = try Adafactor(
///       model.parameters, options: .init(learningRate: .constant(1e-3)))
///     let lion = try RuleOptimizer(
///       model.parameters, options: Lion(learningRate: 1e-4))
public final class RuleOptimizer<Rule: UpdateRule>: Optimizer {
  /// The options that apply to the parameters of a group.
  public typealias Options = Rule
  /// The state of one parameter.
  public typealias State = Rule.State

  /// The name of this kind of optimizer in files and configurations.
  public static var name: String { Rule.name }

  /// The rule of each group, with its type. As a stored property, it crashed the initializer in the release build of
  /// Swift 6.3.1.
  private var typedGroups: [RuleGroup<Rule>] { ruleGroups.map { $0 as! RuleGroup<Rule> } }

  /// Creates an optimizer of one group.
  ///
  /// - Parameters:
  ///   - parameters: At least one parameter, each listed once and with a unique name.
  ///   - options: The options that apply to all of them.
  ///   - nonFinitePolicy: The policy for parameters whose gradients are not finite.
  ///   - backend: The backend, one of `Backend.available`; nil for `Backend.default` if the rule
  ///     multiplies matrices, or else `Backend.defaultForOptimizers`.
  ///   - threads: The maximum number of threads of a step; nil for one per processor.
  /// - Throws: `OptimizerError` for options out of range, no parameters, or a duplicate parameter or name.
  public convenience init(
    _ parameters: [Parameter], options: Rule = Rule(), nonFinitePolicy: NonFinitePolicy = .propagate,
    backend: Backend? = nil, threads: Int? = nil
  ) throws(OptimizerError) {
    try self.init(
      groups: [ParameterGroup(parameters, options: options)], nonFinitePolicy: nonFinitePolicy,
      backend: backend, threads: threads)
  }

  /// Creates an optimizer of several groups, each with its own options.
  ///
  /// - Throws: ``OptimizerError`` for the same reasons as the initializer of one group.
  public init(
    groups: [ParameterGroup<Rule>], nonFinitePolicy: NonFinitePolicy = .propagate,
    backend: Backend? = nil, threads: Int? = nil
  ) throws(OptimizerError) {
    try super.init(
      parameters: groups.map(\.parameters), rules: groups.map { RuleGroup($0.options) },
      nonFinitePolicy: nonFinitePolicy, backend: backend, threads: threads)
  }

  /// The parameter groups, in the order they were given.
  ///
  /// You can change options in place; they apply from the next step on: `optimizer.groups[1].learningRate = 1e-4`. A value
  /// out of range traps; ``updateOptions(ofGroup:_:)`` throws instead. You can't change the parameters of a group.
  public var groups: [ParameterGroup<Rule>] {
    get {
      zip(groupParameters, typedGroups).map { ParameterGroup($0, options: $1.rule) }
    }
    set {
      guard
        (newValue.map { $0.parameters.map(ObjectIdentifier.init) }
          == groupParameters.map { $0.map(ObjectIdentifier.init) })
      else {
        fatalError("You cannot change the parameters of a group; add a new group with addGroup(_:).")
      }
      for (index, group) in newValue.enumerated() {
        do {
          try updateOptions(ofGroup: index) { $0 = group.options }
        } catch {
          fatalError("Group \(index): \(error)")
        }
      }
    }
  }

  /// Adds a group, starting with the next step: torch's `add_param_group`.
  ///
  /// Existing schedulers don't schedule it. Create a scheduler for it, with nil for the other groups.
  ///
  /// - Throws: `OptimizerError`, without changing anything, for options out of range, no parameters, or a parameter or a
  ///   name that the optimizer already has.
  public func addGroup(_ group: ParameterGroup<Rule>) throws(OptimizerError) {
    try append([group.parameters], rules: [RuleGroup(group.options)])
  }

  /// Changes the options of a group from the next step on.
  ///
  /// - Throws: `OptimizerError.invalidOption` if the change puts an option out of range, without changing any option;
  ///   `noGroup`.
  public func updateOptions(
    ofGroup index: Int, _ change: (inout Rule) -> Void
  ) throws(OptimizerError) {
    guard ruleGroups.indices.contains(index) else { throw .noGroup(index: index, count: groupCount) }
    try typedGroups[index].update(change)
  }

  /// Returns the state of a parameter, or nil if it hasn't been stepped yet or belongs to another optimizer.
  public func state(of parameter: Parameter) -> State? {
    slot(of: parameter)?.state.map { $0 as! State }
  }

  /// Replaces the state of a parameter, or discards it if `state` is nil.
  ///
  /// - Throws: `OptimizerError`, without changing anything, for a parameter of another optimizer, for moments with shapes
  ///   or types that don't fit the parameter, and for NaN, infinity and negative averages of squares.
  public func setState(_ state: State?, of parameter: Parameter) throws(OptimizerError) {
    guard let slot = slot(of: parameter) else { throw .unknownParameter(name: parameter.name) }
    if let state { try slot.checkRestored(state) }
    slot.state = state
  }
}
