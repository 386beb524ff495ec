/// The options of ``SGD`` for a parameter group. The defaults are torch's.
public struct SGDOptions: Sendable, Hashable {
  /// The learning rate: torch's `lr`. At least 0.
  public var learningRate: Double

  /// μ, the decay of the momentum: `momentum`. At least 0. With 0 there is no momentum and no state.
  public var momentum: Double

  /// The dampening: the momentum adds `1 − dampening` of a gradient, except of its first: `dampening`.
  public var dampening: Double

  /// The coupled weight decay, at least 0: `weightDecay · P` is added to the gradient. `weight_decay`.
  public var weightDecay: Double

  /// Whether the update looks one step of the momentum ahead: `nesterov`. It requires a momentum and no dampening.
  public var nesterov: Bool

  /// Whether the objective is maximized, with the negative gradient: `maximize`.
  public var maximize: Bool

  /// The rounding of new values into 16-bit parameters; others are not rounded. Torch doesn't have this option.
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
  /// - Throws: `OptimizerError.invalidOption` for the first value out of range, NaN included; and `conflictingOptions` with
  ///   torch's message for Nesterov momentum without a momentum or with dampening.
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
