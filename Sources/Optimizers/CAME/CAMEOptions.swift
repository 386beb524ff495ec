/// The options of ``CAME`` for a parameter group. The defaults are came-pytorch's, which has no default for the rate.
public struct CAMEOptions: Sendable, Hashable {
  /// The learning rate: `lr`. At least 0.
  public var learningRate: Double

  /// β₁, the decay of the momentum: `betas[0]`. At least 0 and below 1.
  public var beta1: Double

  /// β₂, the decay of the averages of squares: `betas[1]`. At least 0 and below 1.
  public var beta2: Double

  /// β₃, the decay of the averages of residuals: `betas[2]`. At least 0 and below 1.
  public var beta3: Double

  /// ε₁, added to the squares of the gradient: `eps[0]`. At least 0.
  public var squaredGradientEpsilon: Double

  /// ε₂, added to the squares of the residual: `eps[1]`. At least 0.
  public var residualEpsilon: Double

  /// The maximum RMS of an update; larger updates are scaled down to it: `clip_threshold`. Above 0.
  public var clipThreshold: Double

  /// The decoupled weight decay: each step first subtracts `weightDecay · learningRate · P`. `weight_decay`. At least 0.
  public var weightDecay: Double

  /// The rounding of new values of 16-bit parameters. It doesn't affect other types. came-pytorch doesn't have this option.
  public var rounding: Rounding

  /// The seed of stochastic rounding. came-pytorch doesn't have this option.
  public var roundingSeed: UInt64

  /// Creates the default options.
  public init() { self.init(learningRate: 2e-4) }

  /// Creates options.
  public init(
    learningRate: Double = 2e-4, beta1: Double = 0.9, beta2: Double = 0.999, beta3: Double = 0.9999,
    squaredGradientEpsilon: Double = 1e-30, residualEpsilon: Double = 1e-16, clipThreshold: Double = 1,
    weightDecay: Double = 0, rounding: Rounding = .nearest, roundingSeed: UInt64 = 0
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.beta3 = beta3
    self.squaredGradientEpsilon = squaredGradientEpsilon
    self.residualEpsilon = residualEpsilon
    self.clipThreshold = clipThreshold
    self.weightDecay = weightDecay
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
    try OptimizerError.requireAveraging(beta3, name("beta3", CodingKeys.betas, 2))
    try OptimizerError.requireNotNegative(
      squaredGradientEpsilon, name("squaredGradientEpsilon", CodingKeys.epsilons, 0))
    try OptimizerError.requireNotNegative(residualEpsilon, name("residualEpsilon", CodingKeys.epsilons, 1))
    try OptimizerError.require(
      clipThreshold > 0 && clipThreshold.isFinite, name("clipThreshold", CodingKeys.clipThreshold),
      clipThreshold, "it must be finite and above 0")
    try OptimizerError.requireNotNegative(weightDecay, name("weightDecay", CodingKeys.weightDecay))
  }
}
