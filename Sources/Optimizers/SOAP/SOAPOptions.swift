/// The options of ``SOAP`` for a parameter group. The defaults are the reference's.
public struct SOAPOptions: Sendable, Hashable {
  /// The learning rate: the reference's `lr`. At least 0.
  public var learningRate: Double

  /// β₁, the decay of the first moment: `betas[0]`. At least 0 and below 1.
  public var beta1: Double

  /// β₂, the decay of the second moment: `betas[1]`. At least 0 and below 1.
  public var beta2: Double

  /// β_s, the decay of the preconditioners: `shampoo_beta`. At least 0 and below 1; nil, the default, for β₂.
  public var shampooBeta: Double?

  /// ε, added to the root of the second moment: `eps`. At least 0.
  public var epsilon: Double

  /// The decoupled weight decay: each step finally subtracts `weightDecay · learningRate · P`. `weight_decay`. At least 0.
  public var weightDecay: Double

  /// f, the number of updates between two refreshes of the bases: `precondition_frequency`. At least 1.
  public var preconditionFrequency: Int

  /// The maximum length of an axis with a preconditioner, at least 0: `max_precond_dim`. Longer axes are not rotated.
  ///
  /// It is read when a parameter gets its first gradient.
  public var maxPrecondDim: Int

  /// Whether neighboring axes are merged if they have at most ``maxPrecondDim`` elements together: `merge_dims`.
  ///
  /// Parameters for which this would create a preconditioner larger than the parameter are refused. It is read when a
  /// parameter gets its first gradient.
  public var mergesDims: Bool

  /// Whether vectors have a preconditioner: `precondition_1d`. It is read when a parameter gets its first gradient.
  public var precondition1D: Bool

  /// Whether the update is divided by its root mean square: `normalize_grads`.
  public var normalizesUpdates: Bool

  /// Whether moments are divided by 1 − βᵗ, which corrects for their start at 0: `correct_bias`.
  public var biasCorrection: Bool

  /// Whether the refreshes of all axes are spread over different steps, each every f updates. The reference refreshes all
  /// axes at the same step, and doesn't have this option.
  public var spreadsRefresh: Bool

  /// The rounding of new values of 16-bit parameters. It doesn't affect other types. The reference doesn't have this option.
  public var rounding: Rounding

  /// The seed of stochastic rounding. The reference doesn't have this option.
  public var roundingSeed: UInt64

  /// Creates the default options.
  public init() { self.init(learningRate: 3e-3) }

  /// Creates options.
  public init(
    learningRate: Double = 3e-3, beta1: Double = 0.95, beta2: Double = 0.95, shampooBeta: Double? = nil,
    epsilon: Double = 1e-8, weightDecay: Double = 1e-2, preconditionFrequency: Int = 10,
    maxPrecondDim: Int = 10_000, mergesDims: Bool = false, precondition1D: Bool = false,
    normalizesUpdates: Bool = false,
    biasCorrection: Bool = true, spreadsRefresh: Bool = false, rounding: Rounding = .nearest,
    roundingSeed: UInt64 = 0
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.shampooBeta = shampooBeta
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.preconditionFrequency = preconditionFrequency
    self.maxPrecondDim = maxPrecondDim
    self.mergesDims = mergesDims
    self.precondition1D = precondition1D
    self.normalizesUpdates = normalizesUpdates
    self.biasCorrection = biasCorrection
    self.spreadsRefresh = spreadsRefresh
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
    if let shampooBeta {
      try OptimizerError.requireAveraging(shampooBeta, name("shampooBeta", CodingKeys.shampooBeta))
    }
    try OptimizerError.requireNotNegative(epsilon, name("epsilon", CodingKeys.epsilon))
    try OptimizerError.requireNotNegative(weightDecay, name("weightDecay", CodingKeys.weightDecay))
    try OptimizerError.require(
      preconditionFrequency, atLeast: 1, name("preconditionFrequency", CodingKeys.preconditionFrequency))
    try OptimizerError.require(maxPrecondDim, atLeast: 0, name("maxPrecondDim", CodingKeys.maxPrecondDim))
  }
}

extension OptimizerError {
  /// Throws ``invalidOption(name:value:requirement:)`` unless `value` is at least `least`.
  static func require(_ value: Int, atLeast least: Int, _ name: String) throws(OptimizerError) {
    guard value >= least else {
      throw .invalidOption(name: name, value: "\(value)", requirement: "it must be at least \(least)")
    }
  }
}
