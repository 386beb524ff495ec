/// The options of ``Lion`` for a parameter group. The defaults are lion-pytorch's.
public struct LionOptions: Sendable, Hashable {
  /// The learning rate: `lr`. At least 0.
  public var learningRate: Double

  /// β₁, the weight of the average in the update: `betas[0]`. At least 0 and below 1.
  public var beta1: Double

  /// β₂, the decay of the average of gradients: `betas[1]`. At least 0 and below 1.
  public var beta2: Double

  /// The decoupled weight decay: each step first subtracts `weightDecay · learningRate · P`. `weight_decay`. At least 0.
  public var weightDecay: Double

  /// Whether the objective is maximized, by using the negative gradient: `maximize`. lion-pytorch doesn't have this option.
  public var maximize: Bool

  /// The rounding of new values of 16-bit parameters. It doesn't affect other types. lion-pytorch doesn't have this option.
  public var rounding: Rounding

  /// The seed of stochastic rounding. lion-pytorch doesn't have this option.
  public var roundingSeed: UInt64

  /// Creates the default options.
  public init() { self.init(learningRate: 1e-4) }

  /// Creates options.
  public init(
    learningRate: Double = 1e-4, beta1: Double = 0.9, beta2: Double = 0.99, weightDecay: Double = 0,
    maximize: Bool = false, rounding: Rounding = .nearest, roundingSeed: UInt64 = 0
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.weightDecay = weightDecay
    self.maximize = maximize
    self.rounding = rounding
    self.roundingSeed = roundingSeed
  }

  /// Checks the ranges.
  ///
  /// - Throws: `OptimizerError.invalidOption` for the first value out of range, including NaN.
  public func validate() throws(OptimizerError) { try validate(naming: .swift) }

  func validate(naming name: OptionNaming) throws(OptimizerError) {
    try OptimizerError.requireNotNegative(learningRate, name("The learning rate", CodingKeys.learningRate))
    try OptimizerError.requireAveraging(beta1, name("beta1", CodingKeys.betas, 0))
    try OptimizerError.requireAveraging(beta2, name("beta2", CodingKeys.betas, 1))
    try OptimizerError.requireNotNegative(weightDecay, name("weightDecay", CodingKeys.weightDecay))
  }
}
