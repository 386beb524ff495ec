/// Parameters that are stepped with the same options.
public struct ParameterGroup<Rule: UpdateRule>: AnyParameterGroup {
  /// The parameters, in the order they were given.
  public let parameters: [Parameter]

  /// The options that apply to all of them.
  public var options: Rule

  /// Creates a group for an optimizer's initializer.
  public init(_ parameters: [Parameter], options: Rule) {
    self.parameters = parameters
    self.options = options
  }

  /// The learning rate of the next step; nil if the rule computes it.
  ///
  /// The setter traps if the rule computes its rate, or if the options refuse the new rate.
  public var learningRate: Double? {
    get { options.learningRate.constant }
    set {
      guard let newValue, let setting = options.learningRate.settingConstant(newValue) else {
        fatalError(
          """
          A group of \(Rule.name) with the learning rate \(options.learningRate) was given \(newValue as Any): \
          a rule that computes its own rate cannot be given one, and no group can lose its rate.
          """)
      }
      options.learningRate = setting
    }
  }

  /// The weight decay of the next step.
  public var weightDecay: Double {
    get { options.weightDecay }
    set { options.weightDecay = newValue }
  }

  /// The options, as a value of any rule.
  public var anyOptions: any UpdateRule { options }
}

/// A group of parameters with any rule, for optimizers whose groups have different rules.
public protocol AnyParameterGroup {
  /// The parameters, in the order they were given.
  var parameters: [Parameter] { get }
  /// The learning rate of the next step; nil if the rule computes it.
  var learningRate: Double? { get set }
  /// The weight decay of the next step.
  var weightDecay: Double { get set }
  /// The options, as a value of any rule.
  var anyOptions: any UpdateRule { get }
}
