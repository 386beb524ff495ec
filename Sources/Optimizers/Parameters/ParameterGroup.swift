/// Parameters that are stepped with the same options.
public struct ParameterGroup<Options> {
  /// The parameters, in the order they were given.
  public let parameters: [Parameter]

  /// What applies to them.
  public internal(set) var options: Options

  /// A group for an optimizer's initializer.
  public init(_ parameters: [Parameter], options: Options) {
    self.parameters = parameters
    self.options = options
  }
}
