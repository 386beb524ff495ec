/// Settings under the reference's names: `lr`, `eps`, `clip_threshold`, `decay_rate`, `beta1`, `weight_decay`,
/// `scale_parameter`, `relative_step`, `warmup_init`. In addition `rounding` and `rounding_seed`, which the reference does
/// not have. Missing settings keep their defaults; unknown settings are refused.
extension AdafactorOptions: Codable {
  enum CodingKeys: String, CodingKey, CaseIterable {
    case learningRate = "lr"
    case epsilon = "eps"
    case clipThreshold = "clip_threshold"
    case decayRate = "decay_rate"
    case beta1
    case weightDecay = "weight_decay"
    case scaleParameter = "scale_parameter"
    case relativeStep = "relative_step"
    case warmupInit = "warmup_init"
    case rounding
    case roundingSeed = "rounding_seed"
  }

  /// Creates options from settings under the reference's names.
  ///
  /// - Throws: `OptimizerError.conflictingOptions` with the reference's messages, `unknownOption`, `invalidOption`; and
  ///   `DecodingError` for a setting of the wrong type.
  public init(from decoder: any Decoder) throws {
    try self.init(settings: decoder.settings(CodingKeys.self))
  }

  /// Creates options from settings with checked names.
  init(settings: KeyedDecodingContainer<CodingKeys>) throws {
    self.init()
    let rate = try settings.decodeIfPresent(Double.self, forKey: .learningRate)
    let relative = try settings.decodeIfPresent(Bool.self, forKey: .relativeStep) ?? true
    let warmup = try settings.decodeIfPresent(Bool.self, forKey: .warmupInit) ?? false
    learningRate = try Self.learningRate(rate: rate, relative: relative, warmup: warmup)
    let epsilons = try settings.decodePairIfPresent(
      .epsilon, meanings: "one for squared gradients and one for the parameter scale")
    if let epsilons { (squaredGradientEpsilon, parameterScaleEpsilon) = epsilons }
    try settings.decodeIfPresent(.clipThreshold, into: &clipThreshold)
    try settings.decodeIfPresent(.decayRate, into: &decayRate)
    beta1 = try settings.decodeIfPresent(Double.self, forKey: .beta1)
    try settings.decodeIfPresent(.weightDecay, into: &weightDecay)
    try settings.decodeIfPresent(.scaleParameter, into: &scaleParameter)
    try settings.decodeIfPresent(.rounding, into: &rounding)
    try settings.decodeIfPresent(.roundingSeed, into: &roundingSeed)
    try validate(naming: .settings)
  }

  private static func learningRate(
    rate: Double?, relative: Bool, warmup: Bool
  ) throws(OptimizerError) -> AdafactorLearningRate {
    if rate != nil && relative {
      throw .conflictingOptions("Cannot combine manual `lr` and `relative_step=True` options")
    }
    if warmup && !relative {
      throw .conflictingOptions("`warmup_init=True` requires `relative_step=True`")
    }
    if relative { return .relative(warmupInit: warmup) }
    guard let rate else {
      // The reference fails here too, but only at its first step and without giving a reason.
      throw .invalidOption(name: "lr", value: "missing", requirement: "`relative_step=False` requires a rate")
    }
    return .constant(rate)
  }

  /// Encodes all settings that the reference has, under its names, and the other settings if they differ from their defaults.
  public func encode(to encoder: any Encoder) throws {
    var settings = encoder.container(keyedBy: CodingKeys.self)
    switch learningRate {
    case .constant(let rate):
      try settings.encode(rate, forKey: .learningRate)
      try settings.encode(false, forKey: .relativeStep)
      try settings.encode(false, forKey: .warmupInit)
    case .relative(let warmup):
      try settings.encodeNil(forKey: .learningRate)
      try settings.encode(true, forKey: .relativeStep)
      try settings.encode(warmup, forKey: .warmupInit)
    }
    try settings.encode([squaredGradientEpsilon, parameterScaleEpsilon], forKey: .epsilon)
    try settings.encode(clipThreshold, forKey: .clipThreshold)
    try settings.encode(decayRate, forKey: .decayRate)
    try settings.encode(beta1, forKey: .beta1)
    try settings.encode(weightDecay, forKey: .weightDecay)
    try settings.encode(scaleParameter, forKey: .scaleParameter)
    // Only if it is not the default, so that the reference's constructor otherwise accepts the settings.
    let defaults = Self()
    try settings.encode(rounding, forKey: .rounding, unless: defaults.rounding)
    try settings.encode(roundingSeed, forKey: .roundingSeed, unless: defaults.roundingSeed)
  }
}
