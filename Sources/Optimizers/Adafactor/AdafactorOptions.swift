import Tensors

/// The options of ``Adafactor`` for a parameter group. The defaults are the reference's.
public struct AdafactorOptions: Sendable, Hashable {
  /// The learning rate, or the way it is computed: the reference's `lr`, `relative_step` and `warmup_init`.
  public var learningRate: AdafactorLearningRate

  /// ε₁, added to every squared gradient: the reference's `eps[0]`. At least 0.
  public var squaredGradientEpsilon: Double

  /// ε₂, the minimum RMS(P) that scales the step size: the reference's `eps[1]`. At least 0.
  public var parameterScaleEpsilon: Double

  /// d, the RMS above which an update is scaled down: the reference's `clip_threshold`. Above 0.
  public var clipThreshold: Double

  /// The exponent in β = 1 − t^decayRate: the reference's `decay_rate`. At most 0.
  public var decayRate: Double

  /// The momentum: the coefficient of the average of updates. At least 0 and below 1, or nil for none.
  public var beta1: Double?

  /// The decoupled weight decay: each step first subtracts `weightDecay · α · P`. The reference's `weight_decay`. At least 0.
  public var weightDecay: Double

  /// Whether the step size is multiplied by max(ε₂, RMS(P)): the reference's `scale_parameter`.
  public var scaleParameter: Bool

  /// The rounding of new values of 16-bit parameters. It doesn't affect other types. The reference doesn't have this option.
  public var rounding: Rounding

  /// The seed of stochastic rounding. The reference doesn't have this option.
  public var roundingSeed: UInt64

  /// Creates the default options.
  public init() { self.init(learningRate: .relative()) }

  /// Creates options.
  public init(
    learningRate: AdafactorLearningRate = .relative(), squaredGradientEpsilon: Double = 1e-30,
    parameterScaleEpsilon: Double = 1e-3, clipThreshold: Double = 1, decayRate: Double = -0.8,
    beta1: Double? = nil, weightDecay: Double = 0, scaleParameter: Bool = true,
    rounding: Rounding = .nearest, roundingSeed: UInt64 = 0
  ) {
    self.learningRate = learningRate
    self.squaredGradientEpsilon = squaredGradientEpsilon
    self.parameterScaleEpsilon = parameterScaleEpsilon
    self.clipThreshold = clipThreshold
    self.decayRate = decayRate
    self.beta1 = beta1
    self.weightDecay = weightDecay
    self.scaleParameter = scaleParameter
    self.rounding = rounding
    self.roundingSeed = roundingSeed
  }

  /// Checks the ranges.
  ///
  /// - Throws: `OptimizerError.invalidOption` for the first value out of range, including NaN.
  public func validate() throws(OptimizerError) { try validate(naming: .swift) }

  func validate(naming name: OptionNaming) throws(OptimizerError) {
    if case .constant(let rate) = learningRate {
      try OptimizerError.requireNotNegative(rate, name("The learning rate", CodingKeys.learningRate))
    }
    try OptimizerError.requireNotNegative(
      squaredGradientEpsilon, name("squaredGradientEpsilon", CodingKeys.epsilon, 0))
    try OptimizerError.requireNotNegative(
      parameterScaleEpsilon, name("parameterScaleEpsilon", CodingKeys.epsilon, 1))
    try OptimizerError.requireNotNegative(weightDecay, name("weightDecay", CodingKeys.weightDecay))
    try OptimizerError.require(
      clipThreshold > 0, name("clipThreshold", CodingKeys.clipThreshold), clipThreshold,
      "it must be above 0")
    try OptimizerError.require(
      decayRate <= 0, name("decayRate", CodingKeys.decayRate), decayRate, "it must not be above 0")
    if let beta1 {
      try OptimizerError.requireAveraging(beta1, name("beta1", CodingKeys.beta1))
    }
  }
}
