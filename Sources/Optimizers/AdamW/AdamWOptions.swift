/// The options of ``AdamW`` for a parameter group. The defaults are torch's.
public struct AdamWOptions: Sendable, Hashable {
  /// The learning rate: torch's `lr`. At least 0.
  public var learningRate: Double

  /// β₁, the decay of the first moment: `betas[0]`. At least 0 and below 1.
  public var beta1: Double

  /// β₂, the decay of the second moment: `betas[1]`. At least 0 and below 1.
  public var beta2: Double

  /// ε, added to the root of the second moment: `eps`. At least 0.
  public var epsilon: Double

  /// The decoupled weight decay: each step first subtracts `weightDecay · learningRate · P`. `weight_decay`. At least 0.
  public var weightDecay: Double

  /// Whether the update is divided by the largest second moment so far instead of the latest one: `amsgrad`.
  public var amsgrad: Bool

  /// Whether the objective is maximized, by using the negative gradient: `maximize`.
  public var maximize: Bool

  /// Whether moments are divided by 1 − βᵗ, which corrects for their start at 0. BERT's AdamW has no bias correction.
  ///
  /// It is `correct_bias` in transformers' AdamW. Torch doesn't have this option.
  public var biasCorrection: Bool

  /// The rounding of new values of 16-bit parameters. It doesn't affect other types. Torch doesn't have this option.
  public var rounding: Rounding

  /// The seed of stochastic rounding. Torch doesn't have this option.
  public var roundingSeed: UInt64

  /// Creates the default options.
  public init() { self.init(learningRate: 1e-3) }

  /// Creates options.
  public init(
    learningRate: Double = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
    weightDecay: Double = 1e-2, amsgrad: Bool = false, maximize: Bool = false, biasCorrection: Bool = true,
    rounding: Rounding = .nearest, roundingSeed: UInt64 = 0
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.amsgrad = amsgrad
    self.maximize = maximize
    self.biasCorrection = biasCorrection
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
    try OptimizerError.requireNotNegative(epsilon, name("epsilon", CodingKeys.epsilon))
    try OptimizerError.requireNotNegative(weightDecay, name("weightDecay", CodingKeys.weightDecay))
  }
}
