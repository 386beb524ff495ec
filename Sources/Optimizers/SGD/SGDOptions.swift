/// The options of ``SGD`` for a parameter group. The defaults are torch's.
public struct SGDOptions: Sendable, Hashable {
  /// The learning rate: torch's `lr`. At least 0.
  public var learningRate: Double

  /// μ, the decay of the momentum: `momentum`. At least 0. If it is 0, there is no momentum and no state.
  public var momentum: Double

  /// The dampening: the momentum adds each gradient times `1 − dampening`, except the first gradient. `dampening`.
  public var dampening: Double

  /// The coupled weight decay: `weightDecay · P` is added to the gradient. `weight_decay`. At least 0.
  public var weightDecay: Double

  /// Whether the update looks one step of the momentum ahead: `nesterov`. It requires a momentum, and a dampening of 0.
  public var nesterov: Bool

  /// Whether the objective is maximized, by using the negative gradient: `maximize`.
  public var maximize: Bool

  /// The rounding of new values of 16-bit parameters. It doesn't affect other types. Torch doesn't have this option.
  public var rounding: Rounding

  /// The seed of stochastic rounding. Torch doesn't have this option.
  public var roundingSeed: UInt64

  /// Creates the default options.
  public init() { self.init(learningRate: 1e-3) }

  /// Creates options.
  public init(
    learningRate: Double = 1e-3, momentum: Double = 0, dampening: Double = 0, weightDecay: Double = 0,
    nesterov: Bool = false, maximize: Bool = false, rounding: Rounding = .nearest, roundingSeed: UInt64 = 0
  ) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.dampening = dampening
    self.weightDecay = weightDecay
    self.nesterov = nesterov
    self.maximize = maximize
    self.rounding = rounding
    self.roundingSeed = roundingSeed
  }

  /// Checks the ranges.
  ///
  /// - Throws: `OptimizerError.invalidOption` for the first value out of range, including NaN; and `conflictingOptions`
  ///   with torch's message for Nesterov momentum without a momentum or with dampening.
  public func validate() throws(OptimizerError) { try validate(naming: .swift) }

  func validate(naming name: OptionNaming) throws(OptimizerError) {
    try OptimizerError.requireNotNegative(learningRate, name("The learning rate", CodingKeys.learningRate))
    try OptimizerError.requireNotNegative(momentum, name("momentum", CodingKeys.momentum))
    try OptimizerError.require(
      dampening.isFinite, name("dampening", CodingKeys.dampening), dampening, "it must be finite")
    try OptimizerError.requireNotNegative(weightDecay, name("weightDecay", CodingKeys.weightDecay))
    if nesterov && (momentum == 0 || dampening != 0) {
      throw .conflictingOptions("Nesterov momentum requires a momentum and zero dampening")
    }
  }
}
