/// The options of ``Muon`` for a parameter group. The defaults are torch's.
public struct MuonOptions: Sendable, Hashable {
  /// The learning rate: torch's `lr`. At least 0.
  public var learningRate: Double

  /// The decoupled weight decay: each step first subtracts `weightDecay · learningRate · P`. `weight_decay`. At least 0.
  public var weightDecay: Double

  /// μ, the decay of the average of gradients: `momentum`. At least 0 and below 1.
  public var momentum: Double

  /// Whether the gradient is averaged with B once more, to look one step ahead: `nesterov`.
  public var nesterov: Bool

  /// The method that orthogonalizes the update: `ns_coefficients`, `ns_steps` and `eps`; or the exact polar factor.
  public var orthogonalization: MuonOrthogonalization

  /// The factor of the learning rate that depends on the shape: `adjust_lr_fn`.
  public var adjustment: MuonAdjustment

  /// The rounding of new values of 16-bit parameters. It doesn't affect other types. Torch doesn't have this option.
  public var rounding: Rounding

  /// The seed of stochastic rounding. Torch doesn't have this option.
  public var roundingSeed: UInt64

  /// Creates the default options.
  public init() { self.init(learningRate: 1e-3) }

  /// Creates options.
  public init(
    learningRate: Double = 1e-3, weightDecay: Double = 0.1, momentum: Double = 0.95, nesterov: Bool = true,
    orthogonalization: MuonOrthogonalization = .newtonSchulz(), adjustment: MuonAdjustment = .original,
    rounding: Rounding = .nearest, roundingSeed: UInt64 = 0
  ) {
    self.learningRate = learningRate
    self.weightDecay = weightDecay
    self.momentum = momentum
    self.nesterov = nesterov
    self.orthogonalization = orthogonalization
    self.adjustment = adjustment
    self.rounding = rounding
    self.roundingSeed = roundingSeed
  }

  /// Checks the ranges.
  ///
  /// - Throws: `OptimizerError.invalidOption` for the first value out of range, including NaN.
  public func validate() throws(OptimizerError) { try validate(naming: .swift) }

  func validate(naming name: OptionNaming) throws(OptimizerError) {
    try OptimizerError.requireNotNegative(learningRate, name("The learning rate", CodingKeys.learningRate))
    try OptimizerError.requireNotNegative(weightDecay, name("weightDecay", CodingKeys.weightDecay))
    try OptimizerError.requireAveraging(momentum, name("momentum", CodingKeys.momentum))
    if case .newtonSchulz(let coefficients, let steps, let epsilon) = orthogonalization {
      try OptimizerError.requireNotNegative(epsilon, name("epsilon", CodingKeys.epsilon))
      if case .constant(let a, let b, let c) = coefficients, !(a + b + c).isFinite {
        throw .invalidOption(
          name: name("coefficients", CodingKeys.coefficients), value: "[\(a), \(b), \(c)]",
          requirement: "the numbers must be finite")
      }
      if let requirement = coefficients.requirement(ofSteps: steps) {
        throw .invalidOption(
          name: name("steps", CodingKeys.steps), value: "\(steps)", requirement: requirement)
      }
    }
  }
}

/// The factor of ``Muon``'s learning rate that depends on the shape A × B of a parameter: torch's `adjust_lr_fn`.
public enum MuonAdjustment: String, Sendable, Hashable, Codable, CaseIterable {
  /// √max(1, A/B). This is also torch's None.
  case original
  /// 0.2 · √max(A, B). The update has roughly the RMS of AdamW's, so you can use AdamW's rates and decays.
  case matchRMSAdamW = "match_rms_adamw"
  /// √(A/B).
  case spectralUnclamped = "spectral_unclamped"

  /// Returns the factor for a matrix of `rows` × `columns`.
  func factor(rows: Int, columns: Int) -> Double {
    let (rows, columns) = (Double(rows), Double(columns))
    return switch self {
    case .original: max(1, rows / columns).squareRoot()
    case .matchRMSAdamW: 0.2 * max(rows, columns).squareRoot()
    case .spectralUnclamped: (rows / columns).squareRoot()
    }
  }
}
