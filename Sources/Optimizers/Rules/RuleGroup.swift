import Backends
import KernelInterface
import Schedules

/// A group's rule, which the steps of all its parameters share.
package final class RuleGroup<Rule: UpdateRule>: AnyRuleGroup {
  /// The address of the rule. Steps read single options there rather than copying all of them.
  let storage: UnsafeMutablePointer<Rule>

  /// The rule, which the next step reads.
  package var rule: Rule {
    get { storage.pointee }
    set { storage.pointee = newValue }
  }

  /// Creates a group with this rule.
  package init(_ rule: Rule) {
    storage = .allocate(capacity: 1)
    storage.initialize(to: rule)
  }

  deinit {
    storage.deinitialize(count: 1)
    storage.deallocate()
  }

  /// Prepares the step of one of this group's parameters for a layout. It is the rule's own step, or a step that updates
  /// blocks or tensors by the rule.
  package func preparedStep(
    _ layout: StepLayout, state: (any ParameterState)?, kernels: KernelTable, backend: Backend
  ) -> any PreparedStep {
    if let phased = Rule.self as? any PhasedRule.Type {
      return phased.preparedStep(ofAny: self, layout, state: state, kernels: kernels)
    }
    if let elementwise = Rule.self as? any ElementwiseRule.Type {
      return elementwise.preparedStep(ofAny: self, layout, state: state, kernels: kernels)
    }
    return TensorRuleStep(
      self, layout, state: state.map { $0 as! Rule.State }, kernels: kernels, backend: backend)
  }
}

/// A group's rule, of any type.
package protocol AnyRuleGroup<Rule>: AnyObject {
  associatedtype Rule: UpdateRule
  /// The rule, which the next step reads.
  var rule: Rule { get set }
  /// Returns the step of one of this group's parameters, prepared for a layout.
  func preparedStep(
    _ layout: StepLayout, state: (any ParameterState)?, kernels: KernelTable, backend: Backend
  ) -> any PreparedStep
}

extension PhasedRule {
  /// Returns the step of one parameter of a group that has this rule.
  fileprivate static func preparedStep(
    ofAny group: AnyObject, _ layout: StepLayout, state: (any ParameterState)?, kernels: KernelTable
  ) -> any PreparedStep {
    preparedStep(
      of: group as! RuleGroup<Self>, layout, state: state.map { $0 as! State }, kernels: kernels)
  }
}

extension ElementwiseRule {
  /// Returns the step of one parameter of a group that has this rule.
  fileprivate static func preparedStep(
    ofAny group: AnyObject, _ layout: StepLayout, state: (any ParameterState)?, kernels: KernelTable
  ) -> any PreparedStep {
    ElementwiseRuleStep(
      group as! RuleGroup<Self>, layout, state: state.map { $0 as! MomentState }, kernels: kernels)
  }
}

extension AnyRuleGroup {
  /// Whether the rule can step a part of a tensor: rules on tensors need all of it.
  var stepsShards: Bool {
    Rule.self is any PhasedRule.Type || Rule.self is any ElementwiseRule.Type
  }

  /// Whether the rule's updates consist mainly of matrix products.
  var multipliesMatrices: Bool { Rule.multipliesMatrices }

  /// Returns the value of a hyperparameter, or nil if the rule computes it.
  func value(of hyperparameter: Hyperparameter) -> Double? {
    switch hyperparameter {
    case .learningRate: rule.learningRate.constant
    case .weightDecay: rule.weightDecay
    }
  }

  /// Changes the rule, or leaves it unchanged and throws if the result is out of range.
  func update(_ change: (inout Rule) -> Void) throws(OptimizerError) {
    var changed = rule
    change(&changed)
    try changed.validate()
    rule = changed
  }
}
