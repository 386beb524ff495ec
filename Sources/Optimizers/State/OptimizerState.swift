/// The state of an optimizer as a value: the groups with their options, and the state of each parameter.
///
/// `optimizer.state()` returns it and `optimizer.restore(_:)` restores it. In between, you can save and load it. The
/// tensors share the optimizer's memory until its next step.
public struct OptimizerState: Sendable, Equatable {
  /// A group of parameters that are stepped with the same options.
  public struct Group: Sendable, Equatable {
    /// The names of the parameters.
    public var parameters: [String]
    /// The options that apply to all of them: a value of the group's rule.
    public var options: any UpdateRule

    /// Creates a group.
    public init(parameters: [String], options: any UpdateRule) {
      self.parameters = parameters
      self.options = options
    }

    /// Returns whether both groups have the same parameters, and equal options of the same rule.
    public static func == (left: Group, right: Group) -> Bool {
      left.parameters == right.parameters && equals(left.options, right.options)
    }
  }

  /// The groups, in the optimizer's order.
  public var groups: [Group]

  /// The states by parameter name. A parameter that was never stepped has no state.
  public var parameters: [String: any ParameterState]

  /// Creates a state from its parts.
  public init(groups: [Group], parameters: [String: any ParameterState]) {
    self.groups = groups
    self.parameters = parameters
  }

  /// Returns whether both states have equal groups, and equal states of the same parameters.
  public static func == (left: OptimizerState, right: OptimizerState) -> Bool {
    left.groups == right.groups && left.parameters.keys == right.parameters.keys
      && left.parameters.allSatisfy { equals($1, right.parameters[$0]!) }
  }
}

/// Returns whether two values have the same type, which is known only at run time, and are equal.
private func equals<Value: Equatable>(_ left: Value, _ right: Any) -> Bool { left == right as? Value }
