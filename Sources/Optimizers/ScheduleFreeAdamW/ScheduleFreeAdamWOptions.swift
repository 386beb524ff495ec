/// The options of ``ScheduleFreeAdamW`` for a parameter group. The defaults are schedulefree's.
public struct ScheduleFreeAdamWOptions: Sendable, Hashable {
  /// The learning rate after the warmup: `lr`. At least 0.
  public var learningRate: Double

  /// β₁, the weight of x in y, where gradients are computed: `betas[0]`. Above 0 and below 1.
  public var beta1: Double

  /// β₂, the decay of the average of squared gradients: `betas[1]`. At least 0 and below 1.
  public var beta2: Double

  /// ε, added to the root of the second moment: `eps`. At least 0.
  public var epsilon: Double

  /// The weight decay: `weightDecay · y` is added to the normalized gradient. `weight_decay`. At least 0.
  public var weightDecay: Double

  /// The number of steps over which the rate rises linearly to ``learningRate``, at least 0: `warmup_steps`.
  public var warmupSteps: Int

  /// The power r of the step count in the weight of a step in the average x. It gives later steps more weight: `r`. At
  /// least 0.
  public var averagingPower: Double

  /// The power of the largest learning rate so far in the weight of a step in the average x: `weight_lr_power`. At least 0.
  public var ratePower: Double

  /// The rounding of new values of 16-bit parameters. It doesn't affect other types. schedulefree doesn't have this option.
  public var rounding: Rounding

  /// The seed of stochastic rounding. schedulefree doesn't have this option.
  public var roundingSeed: UInt64

  /// Creates the default options.
  public init() { self.init(learningRate: 0.0025) }

  /// Creates options.
  public init(
    learningRate: Double = 0.0025, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
    weightDecay: Double = 0, warmupSteps: Int = 0, averagingPower: Double = 0, ratePower: Double = 2,
    rounding: Rounding = .nearest, roundingSeed: UInt64 = 0
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.warmupSteps = warmupSteps
    self.averagingPower = averagingPower
    self.ratePower = ratePower
    self.rounding = rounding
    self.roundingSeed = roundingSeed
  }

  /// Checks the ranges.
  ///
  /// - Throws: `OptimizerError.invalidOption` for the first value out of range, including NaN.
  public func validate() throws(OptimizerError) { try validate(naming: .swift) }

  func validate(naming name: OptionNaming) throws(OptimizerError) {
    try OptimizerError.requireNotNegative(learningRate, name("The learning rate", CodingKeys.learningRate))
    try OptimizerError.require(
      beta1 > 0 && beta1 < 1, name("beta1", CodingKeys.betas, 0), beta1,
      "it must be above 0, because the evaluation weights divide by it, and below 1")
    try OptimizerError.requireAveraging(beta2, name("beta2", CodingKeys.betas, 1))
    try OptimizerError.requireNotNegative(epsilon, name("epsilon", CodingKeys.epsilon))
    try OptimizerError.requireNotNegative(weightDecay, name("weightDecay", CodingKeys.weightDecay))
    try OptimizerError.require(warmupSteps, atLeast: 0, name("warmupSteps", CodingKeys.warmupSteps))
    try OptimizerError.requireNotNegative(averagingPower, name("averagingPower", CodingKeys.averagingPower))
    try OptimizerError.requireNotNegative(ratePower, name("ratePower", CodingKeys.ratePower))
  }
}
