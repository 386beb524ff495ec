import Backends
import Schedules
import Tensors

/// An optimizer with a different rule for each group: for example, one rule for matrices and another for everything else.
///
///     let optimizer = try MultiOptimizer([
///       ParameterGroup(model.matrices, options: Adafactor.Options()),
///       ParameterGroup(model.vectors, options: AdamW.Options(learningRate: 3e-4)),
///     ])
///
/// It is one optimizer: a step covers all groups, with one policy for gradients that are not finite and one report.
/// Clipping, accumulation and loss scaling take its ``Optimizer/parameters``. A scheduler can schedule every group, and a
/// checkpoint saves and restores the whole optimizer.
public final class MultiOptimizer: Optimizer {
  /// Creates an optimizer of groups with any rules.
  ///
  /// - Parameters:
  ///   - groups: At least one group. List each parameter once, with a unique name.
  ///   - nonFinitePolicy: The policy for parameters whose gradients are not finite.
  ///   - backend: The backend, one of `Backend.available`; nil for `Backend.default` if a rule
  ///     multiplies matrices, or else `Backend.defaultForOptimizers`.
  ///   - threads: The maximum number of threads of a step; nil for one per processor.
  /// - Throws: `OptimizerError` for options out of range, no parameters, or a duplicate parameter or name.
  public init(
    _ groups: [any AnyParameterGroup], nonFinitePolicy: NonFinitePolicy = .propagate,
    backend: Backend? = nil, threads: Int? = nil
  ) throws(OptimizerError) {
    try super.init(
      parameters: groups.map(\.parameters), rules: groups.map { Self.ruleGroup($0.anyOptions) },
      nonFinitePolicy: nonFinitePolicy, backend: backend, threads: threads)
  }

  private static func ruleGroup(_ options: some UpdateRule) -> any AnyRuleGroup { RuleGroup(options) }

  /// Adds a group with any rule, starting with the next step; see ``RuleOptimizer/addGroup(_:)``.
  ///
  /// - Throws: `OptimizerError`, without changing anything.
  public func addGroup(_ group: any AnyParameterGroup) throws(OptimizerError) {
    try append([group.parameters], rules: [Self.ruleGroup(group.anyOptions)])
  }

  /// The parameter groups, in the order they were given. Each is a ``ParameterGroup`` of its rule.
  public var groups: [any AnyParameterGroup] {
    func group(_ parameters: [Parameter], _ group: some AnyRuleGroup) -> any AnyParameterGroup {
      ParameterGroup(parameters, options: group.rule)
    }
    return ruleGroups.indices.map { group(groupParameters[$0], ruleGroups[$0]) }
  }

  /// Changes the options of a group that has a given rule, from the next step on.
  ///
  ///     try optimizer.updateOptions(ofGroup: 1, as: AdamW.Options.self) {
  ///       $0.learningRate = 1e-4
  ///     }
  ///
  /// - Throws: `OptimizerError.invalidOption` if the change puts an option out of range, without changing any option;
  ///   `noGroup`.
  /// - Precondition: the group has this rule.
  public func updateOptions<Rule: UpdateRule>(
    ofGroup index: Int, as rule: Rule.Type, _ change: (inout Rule) -> Void
  ) throws(OptimizerError) {
    guard ruleGroups.indices.contains(index) else { throw .noGroup(index: index, count: groupCount) }
    guard let group = ruleGroups[index] as? RuleGroup<Rule> else {
      fatalError(
        "Group \(index) has the rule \(type(of: groups[index].anyOptions).name), not \(Rule.name).")
    }
    try group.update(change)
  }

  /// Returns the state of a parameter, or nil if it hasn't been stepped yet or belongs to another optimizer.
  public func state(of parameter: Parameter) -> (any ParameterState)? { slot(of: parameter)?.state }
}
