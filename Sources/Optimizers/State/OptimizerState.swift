/// What an optimizer remembers between steps, as a value: groups with their options, and the state of each
/// parameter.
///
/// `optimizer.state()` gives it and `optimizer.restore(_:)` takes it back; between them it can be saved and
/// loaded. The moments share the optimizer's memory until its next step.
public struct OptimizerState<Options: OptimizerOptions, ParameterState: OptimizerParameterState>: Sendable {
  /// Which parameters are stepped with which options.
  public struct Group: Sendable, Equatable {
    /// The names of the parameters.
    public var parameters: [String]
    /// What applies to them.
    public var options: Options

    /// A group.
    public init(parameters: [String], options: Options) {
      self.parameters = parameters
      self.options = options
    }
  }

  /// The groups, in the optimizer's order.
  public var groups: [Group]

  /// The states by parameter name. A parameter that was never stepped has none.
  public var parameters: [String: ParameterState]

  /// A state of these parts.
  public init(groups: [Group], parameters: [String: ParameterState]) {
    self.groups = groups
    self.parameters = parameters
  }
}
