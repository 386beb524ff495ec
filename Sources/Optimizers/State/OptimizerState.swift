/// The state of an optimizer as a value: groups with their options, and the state of each parameter.
///
/// `optimizer.state()` takes it and `optimizer.restore(_:)` restores it; between them it can be saved and loaded. The
/// tensors share the optimizer's memory until its next step.
public struct OptimizerState: Sendable {
  /// Parameters that are stepped with the same options.
  public struct Group: Sendable {
    /// The names of the parameters.
    public var parameters: [String]
    /// The options that apply to them: a value of the group's rule.
    public var options: any UpdateRule

    /// A group.
    public init(parameters: [String], options: any UpdateRule) {
      self.parameters = parameters
      self.options = options
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
}
