/// The state of an optimizer as a value: groups with their options, and the state of each parameter.
///
/// `optimizer.state()` takes it and `optimizer.restore(_:)` restores it; between them it can be saved and loaded. The
/// tensors share the optimizer's memory until its next step.
public struct OptimizerState: Sendable, Equatable {
  /// Parameters that are stepped with the same options.
  public struct Group: Sendable, Equatable {
    /// The names of the parameters.
    public var parameters: [String]
    /// The options that apply to them: a value of the group's rule.
    public var options: any UpdateRule

    /// A group.
    public init(parameters: [String], options: any UpdateRule) {
      self.parameters = parameters
      self.options = options
    }

    /// Whether both have the same parameters, and equal options of the same rule.
    public static func == (left: Group, right: Group) -> Bool {
      left.parameters == right.parameters && equals(left.options, right.options)
    }
  }

  /// The groups, in the optimizer's order.
  public var groups: [Group]

  /// The states by parameter name. A parameter that was never stepped has none.
  public var parameters: [String: any ParameterState]

  /// A state of these parts.
  public init(groups: [Group], parameters: [String: any ParameterState]) {
    self.groups = groups
    self.parameters = parameters
  }

  /// Whether both have equal groups, and equal states of the same parameters.
  public static func == (left: OptimizerState, right: OptimizerState) -> Bool {
    left.groups == right.groups && left.parameters.keys == right.parameters.keys
      && left.parameters.allSatisfy { equals($1, right.parameters[$0]!) }
  }
}

/// Whether two values of types known at run time have the same type and are equal.
private func equals<Value: Equatable>(_ left: Value, _ right: Any) -> Bool { left == right as? Value }
